import { DNS_PORT } from "../../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../../model/firewall/packet.ts";
import type { FirewallPolicy, NameRedirect } from "../../../../model/firewall/policy.ts";
import { markOfClass } from "../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, FIRST_REGISTER } from "../../../../native/linux/nftables/expression.ts";
import { encodeFieldValue } from "../../../../native/linux/nftables/field.ts";
import type { Match } from "../../../../native/linux/nftables/match.ts";
import { onLoopback, type RenderPlace } from "./chains/conditions.ts";
import { type Chain, rule } from "./rendered-table.ts";

/** NF_NAT_RANGE_MAP_IPS of linux/netfilter/nf_nat.h. */
const MAP_ADDRESSES = 1;
const LOOPBACK = "127.0.0.0/8";
/** Zones of conntrack from here on; 0 is that of all other packets. */
const FIRST_ZONE = 0xa597;
const TO_LISTENER = "S4.15 to the resolver of its program's path";

/**
 * S4.15: the name queries of programs over loopback, to whatever address, reach the listener of their class. Each class has
 * a zone of conntrack: a port that another program used before would keep that program's listener otherwise.
 */
export function nameChains(place: RenderPlace, { names = [] }: FirewallPolicy): Chain[] {
  if (names.length === 0) return [];
  const apart: ChainBase = { type: "filter", hook: "output", priority: PRIORITY.raw, policy: "accept" };
  const given: ChainBase = { type: "nat", hook: "output", priority: PRIORITY.dstnat, policy: "accept" };
  return [
    {
      name: "names-apart",
      hook: apart,
      comment: "S4.15 queries of one class apart from others",
      rules: names.map((one, index) => rule(queriesOf(place, one, index), inZone(FIRST_ZONE + index), TO_LISTENER)),
    },
    {
      name: "names",
      hook: given,
      comment: "S4.15 name queries by program",
      rules: names.map((one, index) => rule(queriesOf(place, one, index), toAddress(one.listen), TO_LISTENER)),
    },
  ];
}

function queriesOf(place: RenderPlace, { classes }: NameRedirect, index: number): Match[] {
  const { sets, match } = place;
  const carriers = sets.values("dns-protocols", "l4proto", [PROTOCOL.tcp, PROTOCOL.udp]);
  const marks = sets.values(`names-${index}-classes`, "mark.class", classes.map(markOfClass));
  return [
    onLoopback(place, "oif"),
    match.inSet("mark.class", marks),
    match.daddr(LOOPBACK),
    match.inSet("l4proto", carriers),
    match.ports("th", "dport", DNS_PORT),
  ];
}

function inZone(zone: number): Expression[] {
  return [
    { kind: "immediate", register: FIRST_REGISTER, data: encodeFieldValue("ct.zone", zone) },
    { kind: "ct-set", key: "zone", source: FIRST_REGISTER, direction: "original" },
  ];
}

function toAddress(address: string): Expression[] {
  return [
    { kind: "immediate", register: FIRST_REGISTER, data: encodeFieldValue("ip.daddr", address) },
    { kind: "nat", type: "dnat", family: 4, addressRegister: FIRST_REGISTER, flags: MAP_ADDRESSES },
  ];
}
