import type { Config, ProxyTunnel } from "../../../config/config.ts";
import { addressOfServer, allServers } from "../../../model/dns/name-server.ts";
import type { DnsPolicy, PathRef } from "../../../model/firewall/policy.ts";
import { type ExpandContext, type Note, pathRefOf } from "../expansion.ts";
import { fallingBack } from "../fallback/fallback-paths.ts";
import { carriesUdp } from "../tunnels/place-proxies.ts";
import { carries, outsideAllowed, serversOfTunnels } from "./tunnel-servers.ts";

type Dns = NonNullable<Config["dns"]>;

/** DNS as the packet policy sees it: its servers and their path; null without `dns`. */
export function dnsPolicy(context: ExpandContext): DnsPolicy | null {
  const { dns } = context.config;
  if (dns === undefined) return null;
  const { leakProtection, blockEncryptedDns } = dns;
  const servers = serversIn(dns);
  const ofTunnels = serversOfTunnels(context).filter((server) => !servers.includes(server));
  return {
    leakProtection,
    servers,
    path: dnsPath(context),
    blockEncrypted: blockEncryptedDns,
    ...(ofTunnels.length === 0 ? {} : { ofTunnels }),
  };
}

/** What the path of DNS means for its servers. */
export function dnsNotes({ config: { dns }, tunnels, proxies }: ExpandContext): Note[] {
  if (dns?.via.kind !== "tunnel") return [];
  const { tunnel } = dns.via;
  const proxy = proxies.find(({ key }) => key === tunnel)?.proxy;
  const placed = tunnels.find(({ key }) => key === tunnel);
  const unreached = serversIn(dns).flatMap((server, index) => {
    if (placed === undefined || carries(placed, server)) return [];
    const path = index < dns.servers.length ? `dns.servers.${index}` : "dns.split";
    return [{ path, message: outsideAllowed(server, tunnel) }];
  });
  return [...(proxy === undefined ? [] : proxyNotes(proxy, dns)), ...unreached];
}

function proxyNotes(proxy: ProxyTunnel, dns: Dns): Note[] {
  if (!allServers(dns).some((server) => typeof server === "string")) return [];
  const path = "dns.via";
  if (carriesUdp(proxy)) {
    return [
      { path, message: "DNS over UDP needs a proxy with UDP ASSOCIATE; awg status shows whether this one has it" },
    ];
  }
  const message =
    "this proxy carries no UDP: DNS over UDP is dropped; use servers of { address, protocol: tcp }, tls or https";
  return [{ path, message, isWarning: true }];
}

function serversIn(dns: Dns): readonly string[] {
  return [...new Set(allServers(dns).map(addressOfServer))];
}

/** The path of queries to `dns.servers`. */
export function dnsPath(context: ExpandContext): PathRef {
  const { via = { kind: "block" } as const } = context.config.dns ?? {};
  return fallingBack(pathRefOf(via, context), { fallback: { kind: "block" } }, context);
}
