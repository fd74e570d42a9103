import { addressOfServer, portOfServer } from "../../../model/dns/name-server.ts";
import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { FlowRule } from "../../../model/firewall/policy.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import type { ExpandContext } from "../expansion.ts";
import { dnsPath } from "./dns-policy.ts";

/**
 * Addresses of large public resolvers with DNS over HTTPS (RFC 8484). Networks of their operators are listed only if
 * they serve DNS alone. Smaller resolvers change too often for a table.
 */
export const HTTPS_RESOLVERS: readonly string[] = [
  // Cloudflare, with the names that Firefox and Chrome ask
  ...["1.1.1.1/32", "1.1.1.2/31", "1.0.0.1/32", "1.0.0.2/31", "104.16.248.249/32", "104.16.249.249/32"],
  ...[
    "162.159.61.3/32",
    "172.64.41.3/32",
    "2606:4700:4700::/48",
    "2606:4700::6810:f8f9/128",
    "2606:4700::6810:f9f9/128",
  ],
  // Google
  ...["8.8.8.8/32", "8.8.4.4/32", "2001:4860:4860::/48"],
  // Quad9
  ...["9.9.9.9/32", "9.9.9.10/31", "9.9.9.12/31", "149.112.112.0/24", "2620:fe::/48"],
  // OpenDNS
  ...["208.67.222.222/32", "208.67.222.123/32", "208.67.220.220/32", "208.67.220.123/32", "146.112.41.2/31"],
  ...["2620:119:35::/48", "2620:119:53::/48", "2620:119:fc::/48"],
  // AdGuard
  ...["94.140.14.0/24", "94.140.15.0/24", "2a10:50c0::/48"],
  // NextDNS
  ...["45.90.28.0/24", "45.90.30.0/24", "2a07:a8c0::/32", "2a07:a8c1::/32"],
  // Mullvad
  ...["194.242.2.0/24", "2a07:e340::/48"],
  // CleanBrowsing
  ...["185.228.168.0/24", "185.228.169.0/24", "2a0d:2a00:1::/48", "2a0d:2a00:2::/48"],
  // Control D
  ...["76.76.2.0/24", "76.76.10.0/24", "2606:1a40::/48", "2606:1a40:1::/48"],
  // DNS.SB
  ...["185.222.222.222/32", "45.11.45.11/32", "2a09::/128", "2a11::/128"],
  // AliDNS, DNSPod, Yandex
  ...["223.5.5.5/32", "223.6.6.6/32", "2400:3200::1/128", "2400:3200:baba::1/128", "1.12.12.12/32", "120.53.53.53/32"],
  ...["77.88.8.0/24", "2a02:6b8::feed:0/112", "2a02:6b8:0:1::feed:0/112"],
];

const HTTPS_PORT = 443;
/** IANA's numbers of TCP and UDP; HTTP/3 uses UDP. */
const HTTPS_PROTOCOLS = [6, 17] as const;

/**
 * Rules that refuse HTTPS to public resolvers, over TCP and QUIC, before all others (rule S4.3). Empty unless the
 * config asks for it. Resolvers at other addresses cannot be recognised (S12.6).
 */
export function encryptedDnsRules({ config }: Pick<ExpandContext, "config">): FlowRule[] {
  if (config.dns?.blockEncryptedDns !== true) return [];
  const destinations = sortedPrefixes(HTTPS_RESOLVERS);
  const ports = [{ from: HTTPS_PORT, to: HTTPS_PORT }];
  return HTTPS_PROTOCOLS.map((protocol) => ({
    origin: "dns.blockEncryptedDns",
    match: { destinations, ports, protocol },
    path: { kind: "block" },
  }));
}

/**
 * Rules that send queries to encrypted servers of the config by the path of DNS, before the refusal of HTTPS to public
 * resolvers. Port 853 has the path of DNS already (S4.2).
 */
export function encryptedServerRules(context: ExpandContext): FlowRule[] {
  const { servers = [], split = {} } = context.config.dns ?? {};
  const all = [
    ...servers.map((server, index) => ({ server, origin: `dns.servers/${index}` })),
    ...Object.values(split).flatMap((some, index) => some.map((server) => ({ server, origin: `dns.split/${index}` }))),
  ];
  return all.flatMap(({ server, origin }) => {
    const port = portOfServer(server);
    if (port === DNS_PORT || port === DNS_ENCRYPTED_PORT) return [];
    const destinations = sortedPrefixes([addressOfServer(server)]);
    const match = { destinations, ports: [{ from: port, to: port }], protocol: PROTOCOL.tcp };
    return [{ origin, match, path: dnsPath(context) }];
  });
}
