import { lateAddressSet } from "./address-set.ts";
import { isTooBig, type Packet, PROTOCOL } from "./packet.ts";

/** Private addresses (RFC 1918, RFC 4193): local if they are on the link, not if a router leads to them (rule S4.6). */
export const PRIVATE_PREFIXES: readonly string[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/**
 * Addresses that are local by themselves (rule S4.6): link-local ones, the multicast groups of one link (RFC 5771 section 4,
 * RFC 4291 section 2.7), SSDP and WS-Discovery (239.255.255.250, .251), the site's groups over IPv6, and the broadcast.
 */
export const LINK_PREFIXES: readonly string[] = [
  "169.254.0.0/16",
  "224.0.0.0/24",
  "239.255.255.250/31",
  "255.255.255.255/32",
  "fe80::/10",
  "ff02::/16",
  "ff05::/16",
];

/** Every address that can be local network if the LAN is allowed (rule S4.6). */
export const LAN_PREFIXES: readonly string[] = [...PRIVATE_PREFIXES, ...LINK_PREFIXES];

/** Destinations that are valid on one link only, so their packets are never rerouted (S4.8). */
export const LINK_SCOPED_PREFIXES: readonly string[] = ["224.0.0.0/4", "255.255.255.255/32", "fe80::/10", "ff00::/8"];

export const NDP = { routerSolicit: 133, routerAdvert: 134, neighbourSolicit: 135, neighbourAdvert: 136 } as const;
/** NDP counts only with this hop limit, which no router has decremented (RFC 4861 section 6.1, 7.1). */
export const NDP_HOP_LIMIT = 255;
/**
 * The longest solicitation or advertisement that the kernel sends: 40 bytes of IPv6, 24 of the message (RFC 4861 section 4.3)
 * and the option with the hardware address, 8 bytes for Ethernet, 24 for InfiniBand (RFC 4391 section 9.3) and FireWire.
 * Its Ethernet frame has 86 bytes.
 */
export const NDP_BYTES = 88;
/** The same with the frame's header: 24 bytes for InfiniBand (IPOIB_HARD_LEN of ipoib.h), 18 for FireWire. */
export const NDP_FRAME_BYTES = NDP_BYTES + 24;
export const ALL_ROUTERS = "ff02::2";
/** Destinations of solicitations and advertisements that every program may use: they cannot leave the link. */
export const NEIGHBOUR_PREFIXES: readonly string[] = ["fe80::/10", "ff02::1/128", "ff02::1:ff00:0/104"];
export const LINK_LOCAL = "fe80::/10";

export const DHCPV4 = { client: 68, server: 67 } as const;
export const DHCPV6 = { client: 546, server: 547 } as const;
/** RFC 8415 section 7.1: All_DHCP_Relay_Agents_and_Servers, and link-local servers. */
export const DHCPV6_SERVERS: readonly string[] = ["ff02::1:2/128", "fe80::/10"];

/**
 * Senders that are answered on their own link only (S6.8). `::` is not one of them: Linux answers it by the default route
 * (icmpv6_echo_reply and tcp_v6_send_synack look it up like any address).
 */
export const LINK_SENDERS: readonly string[] = ["0.0.0.0/32", LINK_LOCAL];

const linkSenders = lateAddressSet(LINK_SENDERS);
const linkScoped = lateAddressSet(LINK_SCOPED_PREFIXES);
const linkLocal = lateAddressSet([LINK_LOCAL]);
const dhcpv6Servers = lateAddressSet(DHCPV6_SERVERS);
const neighbours = lateAddressSet(NEIGHBOUR_PREFIXES);
const allRouters = lateAddressSet([ALL_ROUTERS]);

/** Whether the packet has the type of a router advertisement (RFC 4861 section 4.2). */
export function isRouterAdvert({ source, protocol, icmpType }: Packet): boolean {
  return source.family === 6 && protocol === PROTOCOL.icmpv6 && icmpType === NDP.routerAdvert;
}

/** Whether the destination is valid on one link only (S4.8). */
export function isLinkScoped(packet: Pick<Packet, "destination">): boolean {
  return linkScoped.has(packet.destination);
}

/**
 * Whether the packet's sender is not behind the device it came by (S6.8). Answers and the errors of S6.5 are exempt, because
 * this host sends nothing of their content on.
 */
export function isForged(packet: Packet): boolean {
  if (packet.forged !== true || packet.reply === true || linkSenders.has(packet.source)) return false;
  return !(packet.related === true && isTooBig(packet));
}

/** The rule that lets this DHCP or NDP packet leave, or undefined (S2.4–S2.6). */
export function linkTrafficOut(packet: Packet): string | undefined {
  if (isDhcp(packet, "client", "server")) {
    if (packet.destination.family === 4) return "S2.4 DHCP";
    return linkLocal.has(packet.source) && dhcpv6Servers.has(packet.destination) ? "S2.5 DHCPv6" : undefined;
  }
  if (!isNdp(packet)) return undefined;
  if (packet.icmpType === NDP.routerSolicit && allRouters.has(packet.destination)) return "S2.6 router solicitation";
  if (packet.icmpType !== NDP.neighbourSolicit && packet.icmpType !== NDP.neighbourAdvert) return undefined;
  // NUD probes go to the neighbour's own address. Only the kernel may send them, because it uses the right link.
  const isProbe = packet.uid === undefined && (packet.bytes ?? 0) <= NDP_BYTES;
  return neighbours.has(packet.destination) || isProbe ? "S2.6 neighbour discovery" : undefined;
}

/** The rule that lets this DHCP or NDP packet enter, or undefined (S2.4–S2.6). */
export function linkTrafficIn(packet: Packet): string | undefined {
  if (isDhcp(packet, "server", "client")) {
    if (packet.destination.family === 4) return "S2.4 DHCP";
    return linkLocal.has(packet.source) && linkLocal.has(packet.destination) ? "S2.5 DHCPv6" : undefined;
  }
  if (!isNdp(packet)) return undefined;
  if (packet.icmpType === NDP.routerAdvert && linkLocal.has(packet.source)) return "S2.6 router advertisement";
  if (packet.icmpType === NDP.neighbourSolicit || packet.icmpType === NDP.neighbourAdvert) {
    return "S2.6 neighbour discovery";
  }
  return undefined;
}

function isDhcp(packet: Packet, from: "client" | "server", to: "client" | "server"): boolean {
  const ports = packet.destination.family === 4 ? DHCPV4 : DHCPV6;
  return packet.protocol === PROTOCOL.udp && packet.sourcePort === ports[from] && packet.destinationPort === ports[to];
}

function isNdp(packet: Packet): boolean {
  return packet.destination.family === 6 && packet.protocol === PROTOCOL.icmpv6 && packet.hopLimit === NDP_HOP_LIMIT;
}
