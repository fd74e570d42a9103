import type { FirewallPolicy, PathRef, RuleLimit } from "../../../../model/firewall/policy.ts";
import { ENGINE_MARK, LIMIT_MARK, MARK_MASK, markOfLimit } from "../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, verdict } from "../../../../native/linux/nftables/expression.ts";
import { setCtMark, setPriority } from "../../../../native/linux/nftables/match.ts";
import { onLoopback, type RenderPlace } from "./chains/conditions.ts";
import { isReply } from "./chains/grant-rules.ts";
import { pathRules } from "./chains/path-chains.ts";
import { type Chain, type Rule, rule } from "./rendered-table.ts";

/** A limit of a rule, with its number in the connection marks of the rule's flows. */
interface NumberedLimit extends RuleLimit {
  readonly number: number;
  /** The place of the rule in the configuration: its parts share the limit. */
  readonly origin: string;
}

/** After steering, so that a packet is looked at once it has its path. */
const SENT: ChainBase = { type: "filter", hook: "output", priority: PRIORITY.mangle + 1, policy: "accept" };
const RECEIVED: ChainBase = { type: "filter", hook: "input", priority: PRIORITY.filter - 1, policy: "accept" };
const ELSEWHERE: PathRef = { kind: "direct" };
/**
 * Priorities 256 to 263 are those of IEEE 802.1Q to Wi-Fi (cfg80211_classify8021d of net/wireless/util.c): 6 is voice, 1 is
 * background. Queues on the uplink take the last four bits: 6 is TC_PRIO_INTERACTIVE, 1 TC_PRIO_FILLER (linux/pkt_sched.h).
 */
const PACKET_PRIORITY = { high: 256 + 6, low: 256 + 1 } as const;
/** Two packets as large as offloads make them (GSO and GRO, 64 KiB): one that exceeds the bucket would never pass. */
const LEAST_BUCKET_BYTES = 131_072;

/**
 * The chains that keep the flows of rules within their rates (S4.16): what exceeds a rate is dropped, and TCP slows down. What
 * is sent gets the rank of its rule in the uplink's queue. The rule of a flow is found as its path is, and its number written
 * to the connection mark, by which its answers are known.
 */
export function limitChains(place: RenderPlace, policy: FirewallPolicy): Chain[] {
  const limits = numberedLimits(policy);
  if (limits.length === 0) return [];
  const { match } = place;
  const others = [
    rule(
      [onLoopback(place, "oif"), match.anyBit("mark", MARK_MASK, { not: true })],
      verdict("accept"),
      "S4.16 to this host",
    ),
    rule([match.mark(ENGINE_MARK, MARK_MASK)], verdict("accept"), "S4.16 of awg itself"),
    rule([isReply(place)], verdict("accept"), "S4.16 opened by another host"),
  ];
  const received = limits.flatMap((limit) => receivedRule(place, limit));
  return [
    {
      name: "limited",
      hook: SENT,
      comment: "S4.16 rates of rules",
      rules: [...others, ...choosingRules(place, policy, limits)],
    },
    ...limits.map((limit) => sentChain(limit)),
    ...(received.length === 0
      ? []
      : [{ name: "limited-received", hook: RECEIVED, comment: "S4.16 rates of rules", rules: received }]),
  ];
}

function numberedLimits({ steering }: FirewallPolicy): readonly NumberedLimit[] {
  const byOrigin = new Map(
    steering.rules.flatMap(({ origin, limit }) => (limit === undefined ? [] : [[origin, limit] as const])),
  );
  return [...byOrigin].map(([origin, limit], index) => ({ ...limit, origin, number: index + 1 }));
}

/** First match wins, as in steering: a rule with a limit leads to its chain, any other to none. */
function choosingRules(place: RenderPlace, policy: FirewallPolicy, limits: readonly NumberedLimit[]): Rule[] {
  const numbers = new Map(limits.map(({ origin, number }) => [origin, number]));
  const chosen = (origin: string): PathRef => {
    const number = numbers.get(origin);
    return number === undefined ? ELSEWHERE : { kind: "tunnel", device: chainOf(number), number };
  };
  const rules = policy.steering.rules.map(({ origin, match }) => ({ origin, match, path: chosen(origin) }));
  const { dns, allow, allowLan } = policy.layers.at(-1) ?? { dns: null, allow: [], allowLan: false };
  // What steering refuses does not come here, and loopback is not judged.
  const open = { path: ELSEWHERE, leakProtection: false, blockEncrypted: false };
  return pathRules(place, {
    steering: { rules, default: ELSEWHERE },
    layer: { dns: dns === null ? null : { ...dns, ...open }, allow, allowLan },
    take: (path) => (path.kind === "tunnel" ? verdict("goto", path.device) : verdict("accept")),
  });
}

function sentChain({ number, origin, upload, priority }: NumberedLimit): Chain {
  const rank =
    priority === undefined ? [] : [rule([], setPriority(PACKET_PRIORITY[priority]), `S4.16 ${origin}: rank`)];
  const over = upload === undefined ? [] : [rule([], dropAbove(upload), `S4.16 ${origin}: sent above its rate`)];
  return {
    name: chainOf(number),
    rules: [
      ...over,
      ...rank,
      rule([], [...setCtMark(markOfLimit(number), LIMIT_MARK.mask), verdict("accept")], "S4.16 its answers"),
    ],
  };
}

function receivedRule(place: RenderPlace, { number, origin, download }: NumberedLimit): Rule[] {
  if (download === undefined) return [];
  const ofFlow = place.match.field("ct.mark", markOfLimit(number), { mask: LIMIT_MARK.mask });
  return [rule([ofFlow, isReply(place)], dropAbove(download), `S4.16 ${origin}: received above its rate`)];
}

/** The kernel's bucket holds the bytes of one second and the burst (nft_limit_init of net/netfilter/nft_limit.c). */
function dropAbove(bitsPerSecond: NonNullable<RuleLimit["upload"]>): Expression[] {
  const rate = Math.ceil(bitsPerSecond / 8);
  const burst = Math.max(0, LEAST_BUCKET_BYTES - rate);
  const limit = { kind: "limit", rate: BigInt(rate), unitSeconds: 1n, burst, of: "bytes", inverted: true } as const;
  return [limit, verdict("drop")];
}

function chainOf(number: number): string {
  return `limit-${number}`;
}
