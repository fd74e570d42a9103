import { addressOfServer } from "../../../model/dns/name-server.ts";
import type { DnsPolicy, PathRef } from "../../../model/firewall/policy.ts";
import { parsePrefix, prefixContains } from "../../../model/prefix.ts";
import { type ExpandContext, type PlacedTunnel, pathRefOf } from "../expansion.ts";
import { fallingBack } from "../fallback/fallback-paths.ts";
import { carriesUdp } from "../tunnels/place-proxies.ts";

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
  return { leakProtection, servers, path: dnsPath(context), blockEncrypted: blockEncryptedDns };
}

/** The path of queries to `dns.servers`. */
export function dnsPath(context: ExpandContext): PathRef {
  const { via = { kind: "block" } as const } = context.config.dns ?? {};
  return fallingBack(pathRefOf(via, context), { fallback: { kind: "block" } }, context);
}

function noteDnsOverProxy({ config, proxies, notes }: ExpandContext): void {
  const via = config.dns?.via;
  const proxy = via?.kind === "tunnel" ? proxies.find(({ key }) => key === via.tunnel)?.proxy : undefined;
  if (proxy === undefined) return;
  const message = carriesUdp(proxy)
    ? "DNS over UDP needs a proxy with UDP ASSOCIATE; awg status shows whether this one has it"
    : "this proxy carries no UDP: DNS queries over UDP are dropped, those over TCP pass";
  notes.push({ path: "dns.via", message, ...(carriesUdp(proxy) ? {} : { isWarning: true }) });
}

function carries({ families, tunnel }: PlacedTunnel, address: string): boolean {
  const inner = parsePrefix(address);
  if (inner === undefined || !families.includes(inner.family)) return false;
  return tunnel.peers.some(({ allowedIPs }) =>
    allowedIPs.some((text) => {
      const outer = parsePrefix(text);
      return outer !== undefined && prefixContains(outer, inner);
    }),
  );
}
