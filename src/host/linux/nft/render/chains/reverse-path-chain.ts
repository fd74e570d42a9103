import { LINK_SENDERS } from "../../../../../model/firewall/link-traffic.ts";
import type { FirewallPolicy } from "../../../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../../model/ownership.ts";
import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../../native/linux/nftables/match.ts";
import { UPLINK_SET } from "../chain-names.ts";
import { addressesOf, onTunnel, type RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { isTooBig, writeLinkIn } from "./link-rules.ts";
import { refuse } from "./path-chains.ts";

const SENDERS = "senders";
const SENDERS_IN = "senders-in";
const WAY_BACK = "way-back";
/** `fib … oif missing`. */
const MISSING = 0;

/**
 * Writes the rules that refuse, before the route is looked up, what comes from somebody who is not behind the device it came
 * by (S6.8, S7.4): a guest that asks in another's name has what it says answered to there, by a device that it may not use.
 * They stand at prerouting, for only there kernels before 5.19 look up a way back (nft_fib_validate). The way back is that of
 * direct traffic; whoever calls must mark the packet again. `from` names the chains of packets that end here and of those that go on.
 *
 * An uplink is not asked: with IPv4 the kernel looks at the best route alone (nft_fib4_eval), so that of two uplinks only one
 * would have a way back.
 */
export function writeSenders(
  place: RenderPlace,
  policy: FirewallPolicy,
  uplinks: readonly string[],
  from: { readonly ending: string; readonly onward: string },
): void {
  const { writer, match } = place;
  const guarded = policy.layers.filter(({ killSwitch }) => killSwitch);
  if (guarded.length === 0) return;
  writer.namedSet(UPLINK_SET, "iifname", uplinks);
  writer.chain(WAY_BACK);
  writer.rule(WAY_BACK, [], setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK), "S6.8 with the mark of its answer");
  const isMissing = match.field("fib.saddr.way-back", MISSING);
  writer.rule(WAY_BACK, [isMissing], refuse(), "S6.8 its sender is behind another device");
  const back = verdict("return");
  writer.chain(SENDERS);
  writer.rule(SENDERS, [isReply(place)], back, "S6.2 answer");
  for (const error of isTooBig(place)) writer.rule(SENDERS, error, back, "S6.5 a packet of a known flow did not fit");
  for (const ofLink of addressesOf(place, "link-senders", { address: "saddr" }, LINK_SENDERS))
    writer.rule(SENDERS, ofLink, back, "S6.8 is answered on its link");
  writer.rule(SENDERS, [], verdict("goto", WAY_BACK), "S6.8 everything else");
  writer.chain(SENDERS_IN);
  writer.rule(SENDERS_IN, [isReply(place)], back, "S6.2 answer");
  writeLinkIn(place, SENDERS_IN, back);
  writer.rule(SENDERS_IN, [], verdict("goto", SENDERS), "S6.8 everything else");
  // Most packets come by an uplink, so that is asked first.
  const inward = [match.inSet("iifname", UPLINK_SET, { not: true }), onTunnel(place, "iifname", true)];
  writer.rule(from.ending, inward, verdict("jump", SENDERS_IN), "S6.8 by a device that is no uplink");
  if (guarded.every(({ flows }) => flows.default.kind === "direct")) return;
  writer.rule(from.onward, inward, verdict("jump", SENDERS), "S7.4 forwarded from a device that is no uplink");
}
