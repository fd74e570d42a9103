import {
  ALL_ROUTERS,
  DHCPV4,
  DHCPV6,
  DHCPV6_SERVERS,
  LINK_LOCAL,
  NDP,
  NDP_BYTES,
  NDP_HOP_LIMIT,
  NEIGHBOUR_PREFIXES,
} from "../../model/firewall/link-traffic.ts";
import { PROTOCOL, REDIRECT, REST_MISSING, TOO_BIG } from "../../model/firewall/packet.ts";
import type { Family } from "../../model/ip.ts";
import { addressIn, hasUser } from "../space/conditions.ts";
import { all, any, type Formula, fragmentIs, NEVER, not, numberIn, numberIs } from "../space/packet-fields.ts";

const whole = fragmentIs("whole", "first");
const isAboutNeighbours = any(ndp(NDP.neighbourSolicit), ndp(NDP.neighbourAdvert));

/** Neighbour discovery by the kernel: no socket and at most this length (S2.6). */
export function neighbourProbe(bytes: number): Formula {
  return all(isAboutNeighbours, not(hasUser), numberIn("length", [{ first: 0n, last: BigInt(bytes) }]));
}

/** DHCP and NDP that may leave (S2.4–S2.6). */
export function linkOut(family: Family): Formula {
  if (family === 4) return dhcp(DHCPV4.client, DHCPV4.server);
  const ofLink = addressIn("source", 6, [LINK_LOCAL]);
  return any(
    all(dhcp(DHCPV6.client, DHCPV6.server), ofLink, addressIn("destination", 6, DHCPV6_SERVERS)),
    all(ndp(NDP.routerSolicit), addressIn("destination", 6, [ALL_ROUTERS])),
    all(isAboutNeighbours, addressIn("destination", 6, NEIGHBOUR_PREFIXES)),
    neighbourProbe(NDP_BYTES),
  );
}

/** DHCP and NDP that may enter (S2.4–S2.6). */
export function linkIn(family: Family): Formula {
  if (family === 4) return dhcp(DHCPV4.server, DHCPV4.client);
  const fromLink = addressIn("source", 6, [LINK_LOCAL]);
  return any(
    all(dhcp(DHCPV6.server, DHCPV6.client), fromLink, addressIn("destination", 6, [LINK_LOCAL])),
    all(ndp(NDP.routerAdvert), fromLink),
    ndp(NDP.neighbourSolicit),
    ndp(NDP.neighbourAdvert),
  );
}

function dhcp(from: number, to: number): Formula {
  return all(numberIs("protocol", PROTOCOL.udp), whole, numberIs("word0", from), numberIs("word2", to));
}

/** ICMP errors for packets above the MTU (S6.5), for any flow. */
export function tooBig(family: Family): Formula {
  const { protocol, type } = TOO_BIG[family];
  return icmp(protocol, type);
}

/** ICMP errors for a fragment reassembly timeout (S5.5). */
export function restMissing(family: Family): Formula {
  const { protocol, type, code } = REST_MISSING[family];
  return all(numberIs("protocol", protocol), whole, numberIs("word0", (type << 8) + code));
}

/** ICMP redirects (S6.7). */
export function redirect(family: Family): Formula {
  const { protocol, type } = REDIRECT[family];
  return icmp(protocol, type);
}

/** Router advertisements, which are refused from tunnels (S6.7). */
export function routerAdvert(family: Family): Formula {
  return family === 4 ? NEVER : icmp(PROTOCOL.icmpv6, NDP.routerAdvert);
}

function ndp(type: number): Formula {
  return all(icmp(PROTOCOL.icmpv6, type), numberIs("hops", NDP_HOP_LIMIT));
}

/** The type is the first byte of the ICMP header. */
function icmp(protocol: number, type: number): Formula {
  const first = BigInt(type << 8);
  return all(numberIs("protocol", protocol), whole, numberIn("word0", [{ first, last: first + 255n }]));
}
