import { addressOfServer } from "../../../model/dns/name-server.ts";
import type { DnsPolicy, PathRef } from "../../../model/firewall/policy.ts";
import { type ExpandContext, pathRefOf } from "../expansion.ts";
import { fallingBack } from "../fallback/fallback-paths.ts";
import { carriesUdp } from "../tunnels/place-proxies.ts";
import { carries, serversOfTunnels } from "./tunnel-servers.ts";

/** DNS as the packet policy sees it: its servers and their path; null without `dns`. */
export function dnsPolicy(context: ExpandContext): DnsPolicy | null {
  const { config, tunnels, notes } = context;
  if (config.dns === undefined) return null;
  noteDnsOverProxy(context);
  const { via, leakProtection, blockEncryptedDns, split } = config.dns;
  const all = [...config.dns.servers, ...Object.values(split).flat()];
  const servers = [...new Set(all.map(addressOfServer))];
  const placed = via.kind === "tunnel" ? tunnels.find(({ key }) => key === via.tunnel) : undefined;
  for (const [index, server] of servers.entries()) {
    if (placed !== undefined && !carries(placed, server)) {
      const message = `${server} is outside the allowedIPs of tunnel ${placed.key}, so it cannot be reached`;
      notes.push({ path: index < config.dns.servers.length ? `dns.servers.${index}` : "dns.split", message });
    }
  }
  const ofTunnels = serversOfTunnels(context).filter((server) => !servers.includes(server));
  return {
    leakProtection,
    servers,
    path: dnsPath(context),
    blockEncrypted: blockEncryptedDns,
    ...(ofTunnels.length === 0 ? {} : { ofTunnels }),
  };
}

/** The path of queries to `dns.servers`. */
export function dnsPath(context: ExpandContext): PathRef {
  const { via = { kind: "block" } as const } = context.config.dns ?? {};
  return fallingBack(pathRefOf(via, context), { fallback: { kind: "block" } }, context);
}

function noteDnsOverProxy({ config, proxies, notes }: ExpandContext): void {
  const via = config.dns?.via;
  const proxy = via?.kind === "tunnel" ? proxies.find(({ key }) => key === via.tunnel)?.proxy : undefined;
  const { servers = [], split = {} } = config.dns ?? {};
  const isByUdp = [...servers, ...Object.values(split).flat()].some((server) => typeof server === "string");
  if (proxy === undefined || !isByUdp) return;
  const message = carriesUdp(proxy)
    ? "DNS over UDP needs a proxy with UDP ASSOCIATE; awg status shows whether this one has it"
    : "this proxy carries no UDP: DNS over UDP is dropped; use servers of { address, protocol: tcp }, tls or https";
  notes.push({ path: "dns.via", message, ...(carriesUdp(proxy) ? {} : { isWarning: true }) });
}
