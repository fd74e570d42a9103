import {
  ALL_ROUTERS,
  DHCPV4,
  DHCPV6,
  DHCPV6_SERVERS,
  LINK_LOCAL,
  NDP,
  NDP_BYTES,
  NDP_FRAME_BYTES,
  NDP_HOP_LIMIT,
  NEIGHBOUR_PREFIXES,
} from "../../../../../model/firewall/link-traffic.ts";
import { REST_MISSING, TOO_BIG } from "../../../../../model/firewall/packet.ts";
import { type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import { type Chain, type Rule, type RulesWithChains, rule } from "../rendered-table.ts";
import { addressesOf, type RenderPlace } from "./conditions.ts";
import { refuse } from "./refused-chain.ts";

const LAST_UID = 0xffff_ffff;

/**
 * Rules that give `then`, which must end the packet's evaluation in the hook, to DHCP and NDP that may leave
 * (S2.4–S2.6); others go on.
 *
 * @param chain the name of the rules' chain
 * @param isFramed the hook counts a packet with the header of its frame
 */
export function linkOut(place: RenderPlace, chain: string, then: Expression, isFramed = false): RulesWithChains {
  const { match } = place;
  const kernel: Chain = {
    name: `${chain}-kernel`,
    rules: [
      rule([hasSocket(place)], verdict("return"), "S2.6 sent by a process"),
      rule(
        [match.range("length", 0, isFramed ? NDP_FRAME_BYTES : NDP_BYTES)],
        then,
        "S2.6 sent by the kernel, at most its own length",
      ),
    ],
  };
  const neighbours = (type: number): Rule[] => [
    ...addressesOf(place, "neighbours", { address: "daddr" }, NEIGHBOUR_PREFIXES).map((some) =>
      rule([...some, ...ndp(place, type)], then, "S2.6 neighbour discovery"),
    ),
    rule(ndp(place, type), verdict("jump", kernel.name), "S2.6 to any neighbour, from the kernel"),
  ];
  const rules = [
    rule(dhcp(place, "ip", DHCPV4.client, DHCPV4.server), then, "S2.4 DHCP"),
    ...addressesOf(place, "dhcpv6-servers", { address: "daddr" }, DHCPV6_SERVERS).map((servers) => {
      const ports = dhcp(place, "ip6", DHCPV6.client, DHCPV6.server);
      return rule([match.saddr(LINK_LOCAL), ...servers, ...ports], then, "S2.5 DHCPv6");
    }),
    rule([match.daddr(ALL_ROUTERS), ...ndp(place, NDP.routerSolicit)], then, "S2.6 router solicitation"),
    ...neighbours(NDP.neighbourSolicit),
    ...neighbours(NDP.neighbourAdvert),
  ];
  return { rules, chains: [kernel] };
}

/** Rules that give `then` to DHCP and NDP that may enter (S2.4–S2.6). */
export function linkIn(place: RenderPlace, then: Expression): Rule[] {
  const { match } = place;
  const ports = dhcp(place, "ip6", DHCPV6.server, DHCPV6.client);
  return [
    rule(dhcp(place, "ip", DHCPV4.server, DHCPV4.client), then, "S2.4 DHCP"),
    rule([match.saddr(LINK_LOCAL), match.daddr(LINK_LOCAL), ...ports], then, "S2.5 DHCPv6"),
    rule([match.saddr(LINK_LOCAL), ...ndp(place, NDP.routerAdvert)], then, "S2.6 router advertisement"),
    ...[NDP.neighbourSolicit, NDP.neighbourAdvert].map((type) =>
      rule(ndp(place, type), then, "S2.6 neighbour discovery"),
    ),
  ];
}

/** Rules that refuse the ICMP error which reports that fragments of a packet did not arrive (S5.5). */
export function restMissing({ match }: RenderPlace): Rule[] {
  const { 4: old, 6: current } = REST_MISSING;
  const comment = "S5.5 error about missing fragments";
  return [
    rule([match.icmp("icmp", old.type, old.code)], refuse(), comment),
    rule([match.icmp("icmpv6", current.type, current.code)], refuse(), comment),
  ];
}

/** Errors by which a router says that a packet of a known flow did not fit (S6.5), one alternative per family. */
export function isTooBig({ match }: RenderPlace): Match[][] {
  const errors = [match.icmp("icmp", TOO_BIG[4].type), match.icmp("icmpv6", TOO_BIG[6].type)];
  return errors.map((error) => [error, match.ctState(["related"])]);
}

/** A process owns the packet's socket. Without one the kernel breaks off at the load, so there is no "not". */
export function hasSocket({ match }: RenderPlace): Match {
  return match.range("skuid", 0, LAST_UID);
}

function dhcp({ match }: RenderPlace, network: "ip" | "ip6", from: number, to: number): Match[] {
  return [match.network(network), match.ports("udp", "sport", from), match.ports("udp", "dport", to)];
}

function ndp({ match }: RenderPlace, type: number): Match[] {
  return [match.field("ip6.hoplimit", NDP_HOP_LIMIT), match.icmp("icmpv6", type)];
}
