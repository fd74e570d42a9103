import { LINK_SENDERS } from "../../../../../model/firewall/link-traffic.ts";
import type { FirewallPolicy } from "../../../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../../model/ownership.ts";
import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../../native/linux/nftables/match.ts";
import { UPLINK_SET } from "../chain-names.ts";
import { type Chain, type Rule, rule } from "../rendered-table.ts";
import { addressesOf, onTunnel, type RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { isTooBig, linkIn } from "./link-rules.ts";
import { refuse } from "./refused-chain.ts";

const SENDERS = "senders";
const SENDERS_IN = "senders-in";
const REVERSE_PATH = "reverse-path";
/** `fib … oif missing`. */
const MISSING = 0;

/** The rules that call the checks of senders, for packets that end here and for those that go on, and the checks. */
export interface SenderChecks {
  readonly ending: readonly Rule[];
  readonly onward: readonly Rule[];
  readonly chains: readonly Chain[];
}

/**
 * Drops packets before routing if the route to their source does not lead to the device they arrived by (S6.8, S7.4).
 * Otherwise a guest could send under another host's address, and the answer would leave by a device closed to the guest.
 *
 * The check is at prerouting: kernels before 5.19 allow the lookup only there (nft_fib_validate). It uses the routes of direct
 * traffic, so the caller must set the mark again afterwards. Uplinks are exempt: for IPv4 the kernel looks at the best route
 * only (nft_fib4_eval), so one of two uplinks would always fail.
 */
export function senderChecks(place: RenderPlace, policy: FirewallPolicy, uplinks: readonly string[]): SenderChecks {
  const { sets, match } = place;
  const guarded = policy.layers.filter(({ killSwitch }) => killSwitch);
  if (guarded.length === 0) return { ending: [], onward: [], chains: [] };
  sets.values(UPLINK_SET, "iifname", uplinks);
  const back = verdict("return");
  const chains: Chain[] = [
    {
      name: REVERSE_PATH,
      rules: [
        rule([], setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK), "S6.8 with the mark of its answer"),
        rule([match.field("fib.saddr.reverse-path", MISSING)], refuse(), "S6.8 its sender is behind another device"),
      ],
    },
    {
      name: SENDERS,
      rules: [
        rule([isReply(place)], back, "S6.2 answer"),
        ...isTooBig(place).map((error) => rule(error, back, "S6.5 a packet of a known flow did not fit")),
        ...addressesOf(place, "link-senders", { address: "saddr" }, LINK_SENDERS).map((ofLink) =>
          rule(ofLink, back, "S6.8 is answered on its link"),
        ),
        rule([], verdict("goto", REVERSE_PATH), "S6.8 everything else"),
      ],
    },
    {
      name: SENDERS_IN,
      rules: [
        rule([isReply(place)], back, "S6.2 answer"),
        ...linkIn(place, back),
        rule([], verdict("goto", SENDERS), "S6.8 everything else"),
      ],
    },
  ];
  // Most packets come by an uplink, so that is asked first.
  const inward = [match.inSet("iifname", UPLINK_SET, { not: true }), onTunnel(place, "iifname", true)];
  const onward = rule(inward, verdict("jump", SENDERS), "S7.4 forwarded from a device that is no uplink");
  return {
    ending: [rule(inward, verdict("jump", SENDERS_IN), "S6.8 by a device that is no uplink")],
    onward: guarded.every(({ flows }) => flows.default.kind === "direct") ? [] : [onward],
    chains,
  };
}
