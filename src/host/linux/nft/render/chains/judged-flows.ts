import { switchesOf } from "../../../../../model/firewall/fallback.ts";
import { PORTED_PROTOCOLS } from "../../../../../model/firewall/packet.ts";
import { type FirewallPolicy, nameSetsOf, type PathRef } from "../../../../../model/firewall/policy.ts";
import { CLASS_MARK, markOfClass, UNCLASSIFIED } from "../../../../../model/ownership.ts";
import { asksClasses, asksUsersAlone, asksUsersOfUnclassified } from "../../../../../model/program/class-rules.ts";
import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { FieldName } from "../../../../../native/linux/nftables/field.ts";
import { type Match, type MatchBuilder, updateSet } from "../../../../../native/linux/nftables/match.ts";
import { JUDGED_SETS, REMEMBER } from "../chain-names.ts";
import { type Chain, rule } from "../rendered-table.ts";
import type { RenderPlace } from "./conditions.ts";

/** How long a verdict is remembered before the flow is judged again. The verdict cannot change; this bounds the sets. */
const LIFETIME_MS = 60_000;
const MOST_ELEMENTS = 65_536;

const FAMILIES = [4, 6] as const;

/** Echo requests and replies (8 and 0 of RFC 792, 128 and 129 of RFC 4443): the only ICMP that is remembered. */
const ECHO = { 4: ["icmp.type", 0, 0xf7], 6: ["icmpv6.type", 128, 0xfe] } as const;

/** A set, and the fields by which the rules that find a path decide, with the device by which the packet leaves. */
interface Memory {
  readonly set: string;
  readonly family: 4 | 6;
  /** The set is for echoes, which have no ports: the field of their type, its value and mask. */
  readonly echo?: readonly ["icmp.type" | "icmpv6.type", number, number];
  readonly key: readonly FieldName[];
}

const MEMORIES: readonly Memory[] = FAMILIES.flatMap((family) => {
  const address: FieldName = family === 4 ? "ip.daddr" : "ip6.daddr";
  return [
    // Echoes first: one byte excludes packets with ports, but only a look-up would exclude echoes.
    { set: JUDGED_SETS[family].echoes, family, echo: ECHO[family], key: [address, "oifname"] },
    { set: JUDGED_SETS[family].flows, family, key: ["l4proto", address, "th.dport", "oifname"] },
  ];
});

/**
 * Whether verdicts are remembered (rule S5.6): only where a packet's path depends on nothing but the fields of the key. So
 * no rule names domains, or users without a classifier, no path falls back, and the policy has one layer, with a kill
 * switch.
 */
export function remembersVerdicts(policy: FirewallPolicy): boolean {
  const [layer, ...others] = policy.layers;
  if (layer === undefined || others.length > 0 || !layer.killSwitch) return false;
  const paths: readonly PathRef[] = [
    ...[policy.steering, layer.flows].flatMap(({ rules, default: rest }) => [...rules.map(({ path }) => path), rest]),
    ...(layer.dns === null ? [] : [layer.dns.path]),
  ];
  const fallsBack = paths.some((path) => path.kind === "tunnel" && switchesOf(path).length > 0);
  return !fallsBack && nameSetsOf(policy).length === 0 && !asksUsersAlone(policy);
}

/**
 * The chain that remembers that the packet's flow may leave by its device. Its sets are empty, because a load of the policy
 * forgets every verdict.
 */
export function rememberChain({ sets, match }: RenderPlace, policy: FirewallPolicy): Chain {
  const ported = match.inSet("l4proto", sets.values("protocols-with-ports", "l4proto", PORTED_PROTOCOLS));
  const remembered = MEMORIES.map(({ set, family, echo, key: header }) => {
    const key = [...header, ...senderKey(policy)];
    sets.expiring(set, key, LIFETIME_MS, MOST_ELEMENTS);
    const kind = echo === undefined ? [match.network(family === 4 ? "ip" : "ip6"), ported] : [isEcho(match, echo)];
    return rule(kind, updateSet(key, set), "S5.6 the verdict is remembered");
  });
  const bare = match.mark(markOfClass(UNCLASSIFIED), CLASS_MARK.mask);
  const byUser = asksUsersOfUnclassified(policy) ? [rule([bare], verdict("return"), "S4.13 judged by its user")] : [];
  return { name: REMEMBER, rules: [...byUser, ...remembered, rule([], verdict("return"), "S1.2 this layer accepts")] };
}

/** The conditions, one list for each set, under which the packet's flow may leave by its device, as was judged before. */
export function isJudged({ match }: RenderPlace, policy: FirewallPolicy): Match[][] {
  return MEMORIES.map(({ set, echo, key }) => [
    ...(echo === undefined ? [] : [isEcho(match, echo)]),
    match.inSet([...key, ...senderKey(policy)], set),
  ]);
}

/** With rules by program (S4.13): the class of the program, and whether this host sends or forwards the packet. */
function senderKey(policy: FirewallPolicy): readonly FieldName[] {
  return asksClasses(policy) ? ["mark.class", "iif"] : [];
}

function isEcho(match: MatchBuilder, [field, value, mask]: NonNullable<Memory["echo"]>): Match {
  return match.field(field, value, { mask });
}
