import { LOOPBACK_DEVICE } from "../../../../../model/firewall/packet.ts";
import { type FirewallPolicy, type PolicyTunnel, rewritesSources } from "../../../../../model/firewall/policy.ts";
import { PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import {
  type Expression,
  FIRST_REGISTER,
  masquerade,
  RTN_LOCAL,
  verdict,
} from "../../../../../native/linux/nftables/expression.ts";
import { encodeFieldValue } from "../../../../../native/linux/nftables/field.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import { type Chain, type Rule, rule } from "../rendered-table.ts";
import { onTunnel, ownAddresses, prefixesOf, type RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";

/** NF_NAT_RANGE_MAP_IPS of linux/netfilter/nf_nat.h, which the kernel adds where an address is given (nft_nat.c). */
const MAP_ADDRESSES = 1;
const OWN_SOURCE = "S4.12 the source of its path's device";

/**
 * S4.12: a flow that only the filter selects got its source address from a route lookup that did not know its path. Its
 * first packet is rewritten here, after it was judged; conntrack turns the rest of the flow.
 */
export function sourceChains(place: RenderPlace, policy: FirewallPolicy): Chain[] {
  if (!rewritesSources(policy)) return [];
  const { match } = place;
  const isLocal = match.field("fib.saddr.type", RTN_LOCAL);
  const tunnels = new Map(policy.layers.flatMap((layer) => layer.tunnels).map((tunnel) => [tunnel.device, tunnel]));
  const outside = [match.field("oifname", LOOPBACK_DEVICE, { not: true }), onTunnel(place, "oifname", true)];
  const rules = [
    ...[...tunnels.values()].flatMap((tunnel) => intoTunnel(place, tunnel, isLocal)),
    ...ownAddresses(place, "saddr").map((own) => rule([own, ...outside], masquerade(), OWN_SOURCE)),
  ];
  const hook = { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat, policy: "accept" } as const;
  return [{ name: "sources", hook, comment: "S4.12 sources of flows that the filter alone selects", rules }];
}

function intoTunnel({ sets, match }: RenderPlace, { device, addresses }: PolicyTunnel, isLocal: Match): Rule[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = prefixesOf(family, addresses);
    const [first] = own;
    if (first === undefined) return [];
    const field = family === 4 ? "ip.saddr" : "ip6.saddr";
    const name = `own-${device}-v${family}`;
    const isOther =
      own.length === 1
        ? match.saddr(first, { not: true })
        : match.inSet(field, sets.values(name, family === 4 ? "ip.daddr" : "ip6.daddr", own), { not: true });
    return [rule([match.field("oifname", device), isOther, isLocal], sourceTo(family, first), OWN_SOURCE)];
  });
}

function sourceTo(family: 4 | 6, address: string): Expression[] {
  const data = encodeFieldValue(family === 4 ? "ip.saddr" : "ip6.saddr", address);
  return [
    { kind: "immediate", register: FIRST_REGISTER, data },
    { kind: "nat", type: "snat", family, addressRegister: FIRST_REGISTER, flags: MAP_ADDRESSES },
  ];
}

/** The answer's destination on the wire, before conntrack turned it: one of these addresses, or none of them. */
export function answersTo(
  place: RenderPlace,
  addresses: readonly string[],
  { not = false }: { readonly not?: boolean } = {},
): Match[] {
  const { sets, match } = place;
  return ([4, 6] as const).flatMap((family) => {
    const own = prefixesOf(family, addresses);
    const [first] = own;
    if (first === undefined) return [];
    const field = family === 4 ? "ct.reply.ip.daddr" : "ct.reply.ip6.daddr";
    const set = () => sets.values(`own-addresses-v${family}`, family === 4 ? "ip.daddr" : "ip6.daddr", own);
    const wanted = own.length === 1 ? match.field(field, first, { not }) : match.inSet(field, set(), { not });
    return [[...isReply(place), ...wanted]];
  });
}

/** S6.2, by a physical device: an answer, if conntrack turned its destination back into a tunnel's address. */
export function turnedAnswers(
  place: RenderPlace,
  policy: FirewallPolicy,
  plain: readonly Match[][],
  then: Expression = verdict("accept"),
): Rule[] {
  if (!rewritesSources(policy)) return [];
  const outside = answersTo(place, place.ownAddresses, { not: true });
  return outside.flatMap((elsewhere) =>
    plain.map((answer) => rule([elsewhere, ...answer], then, "S6.2 answer to a rewritten source")),
  );
}
