import { CANARIES } from "../../../model/firewall/canary.ts";
import {
  ALL_ROUTERS,
  DHCPV4,
  DHCPV6,
  DHCPV6_SERVERS,
  LINK_LOCAL,
  NDP,
  NEIGHBOUR_PREFIXES,
} from "../../../model/firewall/link-traffic.ts";
import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { PolicyTunnel } from "../../../model/firewall/policy.ts";
import type { PfRule } from "./pf-rule.ts";

/** The loopback interface; PF judges packets to the host's own addresses there. */
export const LOOPBACK = "lo0";

/** The word before the policy's name in the first rule's label. */
export const IDENTITY_WORD = "policy";

const UDP = [PROTOCOL.udp];
const port = (value: number) => [{ from: value, to: value }];

/** Rule S2.1, the first rule of all. Its label carries the policy's name, if there is one. */
export function loopbackRules(identity?: string): PfRule[] {
  const why = identity === undefined ? "S2.1 loopback" : `${IDENTITY_WORD} ${identity}`;
  return [{ action: "pass", on: [LOOPBACK], state: "none", why }];
}

/** The label of the canaries' rules, by which they are found. */
export const CANARY_WORDS = "S13.15 canary";

/** S13.15: drops the canaries. After loopback, before every rule that could pass them. */
export function canaryRules(): PfRule[] {
  return CANARIES.map(({ family, address, protocol, port: at }) => ({
    action: "block",
    direction: "out",
    family,
    protocols: [protocol],
    to: { addresses: [address], ports: port(at) },
    why: `${CANARY_WORDS} ${family}`,
  }));
}

/** S2.2 and S2.3: addresses of tunnels on physical devices. The tunnels' own devices have earlier rules. */
export function tunnelAddressRules(tunnels: readonly PolicyTunnel[]): PfRule[] {
  const addresses = [...new Set(tunnels.flatMap((tunnel) => tunnel.addresses))];
  if (addresses.length === 0) return [];
  return [
    { action: "block", direction: "out", from: { addresses }, why: "S2.2 source is a tunnel's address" },
    { action: "block", direction: "in", to: { addresses }, why: "S2.3 a tunnel's address from outside" },
    { action: "block", direction: "in", from: { addresses }, why: "S2.3 sender claims a tunnel's address" },
  ];
}

/**
 * S2.4 to S2.6. The kernel sends neighbour solicitations and advertisements past PF. PF cannot match the hop limit; the kernel
 * checks it on reception.
 */
export function linkTrafficRules(): PfRule[] {
  const [client4, server4] = [port(DHCPV4.client), port(DHCPV4.server)];
  const [client6, server6] = [port(DHCPV6.client), port(DHCPV6.server)];
  const local = [LINK_LOCAL];
  const pass = (direction: "in" | "out", rule: Omit<PfRule, "action" | "direction" | "state">): PfRule => ({
    action: "pass",
    direction,
    ...rule,
    state: "none",
  });
  const ndp = (direction: "in" | "out", icmpTypes: readonly number[], sides: Pick<PfRule, "from" | "to">): PfRule =>
    pass(direction, { family: 6, protocols: [PROTOCOL.icmpv6], ...sides, icmpTypes, why: "S2.6 neighbour discovery" });
  const neighbour = [NDP.neighbourSolicit, NDP.neighbourAdvert];
  return [
    pass("out", { family: 4, protocols: UDP, from: { ports: client4 }, to: { ports: server4 }, why: "S2.4 DHCP" }),
    pass("in", { family: 4, protocols: UDP, from: { ports: server4 }, to: { ports: client4 }, why: "S2.4 DHCP" }),
    pass("out", {
      family: 6,
      protocols: UDP,
      from: { addresses: local, ports: client6 },
      to: { addresses: DHCPV6_SERVERS, ports: server6 },
      why: "S2.5 DHCPv6",
    }),
    pass("in", {
      family: 6,
      protocols: UDP,
      from: { addresses: local, ports: server6 },
      to: { addresses: local, ports: client6 },
      why: "S2.5 DHCPv6",
    }),
    ndp("out", [NDP.routerSolicit], { to: { addresses: [ALL_ROUTERS] } }),
    ndp("out", neighbour, { to: { addresses: NEIGHBOUR_PREFIXES } }),
    ndp("in", [NDP.routerAdvert], { from: { addresses: local } }),
    ndp("in", neighbour, {}),
  ];
}
