import {
  ALL_ROUTERS,
  DHCPV4,
  DHCPV6,
  DHCPV6_SERVERS,
  LINK_LOCAL,
  NDP_BYTES,
  NDP_HOP_LIMIT,
  NEIGHBOUR_PREFIXES,
} from "../../../../model/firewall/link-traffic.ts";
import { FILE_HEADER, NFT_BOOT_TABLE } from "../../../../model/ownership.ts";

const NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }";
const HOPS = `ip6 hoplimit ${NDP_HOP_LIMIT}`;

/**
 * The script that the boot unit gives to `nft -f` before any network is up: the blocked policy (rule S1.4)
 * as a table of its own, which the first load of a policy deletes in its own transaction. Loading it twice is the same
 * as once. Pure.
 */
export function renderBootTable(): string {
  const servers = set(DHCPV6_SERVERS);
  return `#!/usr/sbin/nft -f
${FILE_HEADER}
table inet ${NFT_BOOT_TABLE}
delete table inet ${NFT_BOOT_TABLE}
table inet ${NFT_BOOT_TABLE} {
  chain neighbours {
    meta skuid 0-4294967295 return comment "S2.6 sent by a process"
    meta length 0-${NDP_BYTES} accept comment "S2.6 sent by the kernel, at most its own length"
  }
  chain leaving {
    type filter hook postrouting priority 50; policy drop;
    oifname "lo" accept comment "S2.1 loopback"
    meta nfproto ipv4 udp sport ${DHCPV4.client} udp dport ${DHCPV4.server} accept comment "S2.4 DHCP"
    ip6 saddr ${LINK_LOCAL} ip6 daddr ${servers} udp sport ${DHCPV6.client} udp dport ${DHCPV6.server} accept comment "S2.5 DHCPv6"
    ip6 daddr ${ALL_ROUTERS} ${HOPS} icmpv6 type nd-router-solicit accept comment "S2.6 router solicitation"
    ip6 daddr ${set(NEIGHBOUR_PREFIXES)} ${HOPS} ${NEIGHBOURS} accept comment "S2.6 neighbour discovery"
    ${HOPS} ${NEIGHBOURS} jump neighbours comment "S2.6 to any neighbour, from the kernel"
  }
  chain entering {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept comment "S2.1 loopback"
    meta nfproto ipv4 udp sport ${DHCPV4.server} udp dport ${DHCPV4.client} accept comment "S2.4 DHCP"
    ip6 saddr ${LINK_LOCAL} ip6 daddr ${LINK_LOCAL} udp sport ${DHCPV6.server} udp dport ${DHCPV6.client} accept comment "S2.5 DHCPv6"
    ip6 saddr ${LINK_LOCAL} ${HOPS} icmpv6 type nd-router-advert accept comment "S2.6 router advertisement"
    ${HOPS} ${NEIGHBOURS} accept comment "S2.6 neighbour discovery"
  }
  chain crossing {
    type filter hook forward priority 0; policy drop;
  }
}
`;
}

function set(elements: readonly string[]): string {
  return `{ ${elements.join(", ")} }`;
}
