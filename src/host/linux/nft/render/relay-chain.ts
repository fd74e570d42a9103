import { PROTOCOL } from "../../../../model/firewall/packet.ts";
import type { FirewallPolicy, PolicyProxy } from "../../../../model/firewall/policy.ts";
import { ipToBytes, parseIp } from "../../../../model/ip.ts";
import { MARK_MASK, markOfPath, RELAY_ADDRESSES, relayPort } from "../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, RTN_UNICAST, verdict } from "../../../../native/linux/nftables/expression.ts";
import { onLoopback, type RenderPlace } from "./chains/conditions.ts";
import { refuse } from "./chains/refused-chain.ts";
import { type Chain, type Rule, rule } from "./rendered-table.ts";

const BASE: ChainBase = { type: "filter", hook: "prerouting", priority: PRIORITY.mangle, policy: "accept" };
const ADDRESS_REGISTER = 1;
const PORT_REGISTER = 2;

/** The proxies of all layers, each path once. */
export function proxiesOf({ layers }: FirewallPolicy): readonly PolicyProxy[] {
  return [...new Map(layers.flatMap(({ proxies = [] }) => proxies.map((one) => [one.number, one] as const))).values()];
}

/**
 * The chain that gives the flows of proxies' paths to their relays (S5.7): on loopback, by the mark that steering wrote. A
 * packet to another host that no relay takes is dropped here; without that it would reach a server of this host.
 */
export function relayChains(place: RenderPlace, policy: FirewallPolicy): Chain[] {
  const { match } = place;
  const proxies = proxiesOf(policy);
  if (proxies.length === 0) return [];
  const rules = [
    rule([onLoopback(place, "iif", true)], verdict("accept"), "S5.7 not by loopback"),
    ...proxies.flatMap((proxy) => ([4, 6] as const).map((family) => relayRule(place, proxy, family))),
    rule([match.field("fib.daddr.type", RTN_UNICAST)], refuse(), "S5.7 to another host, and no relay takes it"),
  ];
  return [{ name: "relayed", hook: BASE, comment: "S5.7 flows to proxies", rules }];
}

function relayRule({ match, sets }: RenderPlace, { number, udp }: PolicyProxy, family: 4 | 6): Rule {
  const carried = udp
    ? match.inSet("l4proto", sets.values("relay-protocols", "l4proto", [PROTOCOL.tcp, PROTOCOL.udp]))
    : match.field("l4proto", PROTOCOL.tcp);
  const path = match.field("mark", markOfPath(number), { mask: MARK_MASK });
  const conditions = [path, match.network(family === 4 ? "ip" : "ip6"), carried];
  return rule(conditions, [...toRelay(number, family), verdict("accept")], "S5.7 to the relay of its proxy");
}

function toRelay(number: number, family: 4 | 6): Expression[] {
  const address = parseIp(RELAY_ADDRESSES[family]) ?? { family, value: 0n };
  const port = relayPort(number);
  return [
    { kind: "immediate", register: ADDRESS_REGISTER, data: ipToBytes(address) },
    { kind: "immediate", register: PORT_REGISTER, data: Uint8Array.of(port >> 8, port & 0xff) },
    { kind: "tproxy", family, addressRegister: ADDRESS_REGISTER, portRegister: PORT_REGISTER },
  ];
}
