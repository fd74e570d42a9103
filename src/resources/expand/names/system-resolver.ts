import { addressOfServer } from "../../../model/dns/name-server.ts";
import { NAME_SERVICE_ADDRESS } from "../../../model/dns/name-service.ts";
import type { Resource } from "../../../model/resource.ts";
import type { ExpandContext } from "../expansion.ts";
import { nameSetsIn } from "./destinations.ts";

/** How long addresses of a domain stay in its rules after their TTL. */
const GRACE_SECONDS = 300;

/**
 * The system resolver; none if the config names no servers or no link could carry them. Servers for single domains need
 * a host whose resolver supports them.
 */
export function systemResolver(context: ExpandContext): Resource[] {
  const { config, facts, tunnels, proxies, notes } = context;
  const dns = config.dns;
  if (dns === undefined) return [];
  const isSplit = Object.keys(dns.split).length > 0;
  if (dns.servers.length === 0 && !isSplit) return [];
  const via = dns.via;
  const isOnTunnel = via.kind === "tunnel" && !proxies.some(({ key }) => key === via.tunnel);
  const device = isOnTunnel ? tunnels.find(({ key }) => key === via.tunnel)?.device : facts.uplinks[0]?.device;
  const method = facts.resolver;
  if (method === "resolved" && device === undefined) {
    notes.push({ path: "dns", message: "systemd-resolved is unchanged: no link can carry the servers" });
    return [];
  }
  const split = isSplit ? { split: dns.split } : {};
  const plain = Object.entries(dns.split).map(([domain, some]) => [domain, some.map(addressOfServer)]);
  const all = [...dns.servers, ...Object.values(dns.split).flat()];
  const isEncrypted = all.some((server) => typeof server !== "string");
  const carrier = method === "resolved" ? (device ?? "") : "";
  const sets = nameSetsIn(context);
  const isServed = facts.os !== "darwin" && (isSplit || isEncrypted || sets.length > 0);
  const service = {
    listen: NAME_SERVICE_ADDRESS,
    servers: dns.servers,
    ...split,
    sets,
    graceSeconds: dns.grace ?? GRACE_SECONDS,
  };
  const spec = {
    method,
    servers: isServed ? [NAME_SERVICE_ADDRESS] : dns.servers.map(addressOfServer),
    search: [],
    device: carrier,
    ...(isServed ? { service } : isSplit ? { split: Object.fromEntries(plain) } : {}),
  };
  notes.push({
    path: "dns.servers",
    message: "programs that bypass the system resolver are still held to the DNS path",
    enforcement: "best-effort",
  });
  return [{ kind: "resolver", key: "resolver/machine", spec }];
}
