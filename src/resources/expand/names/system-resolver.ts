import { addressOfServer } from "../../../model/dns/name-server.ts";
import { NAME_SERVICE_ADDRESS, type NameService } from "../../../model/dns/name-service.ts";
import type { Resource } from "../../../model/resource.ts";
import type { ExpandContext, Note } from "../expansion.ts";
import { nameSetsIn } from "./destinations.ts";
import type { NameRules } from "./name-rules.ts";

/** How long addresses of a domain stay in its rules after their TTL. */
const GRACE_SECONDS = 300;

/**
 * The system resolver; none if the config names no servers or no link could carry them. Servers for single domains need
 * a host whose resolver supports them.
 */
export function systemResolver(context: ExpandContext, names: NameRules): Resource[] {
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
  const known = knownNames(context);
  const isServed =
    facts.os !== "darwin" &&
    (isSplit || isEncrypted || "known" in known || sets.length + names.rules.length + names.listeners.length > 0);
  const service = {
    listen: NAME_SERVICE_ADDRESS,
    servers: dns.servers,
    ...split,
    sets,
    ...(names.rules.length === 0 ? {} : { rules: names.rules }),
    ...(names.listeners.length === 0 ? {} : { listeners: names.listeners }),
    ...known,
    graceSeconds: dns.grace ?? GRACE_SECONDS,
  };
  const spec = {
    method,
    servers: isServed ? [NAME_SERVICE_ADDRESS] : dns.servers.map(addressOfServer),
    search: dns.search ?? [],
    device: carrier,
    ...(isServed ? { service } : isSplit ? { split: Object.fromEntries(plain) } : {}),
  };
  notes.push({
    path: "dns.servers",
    message: "programs that bypass the system resolver are still held to the DNS path",
    enforcement: "best-effort",
  });
  if (names.listeners.length > 0) notes.push(byProgram(context));
  return [{ kind: "resolver", key: "resolver/machine", spec }];
}

/** The host of an open login page, which no server behind a tunnel can be asked for yet. */
function knownNames({ portal }: ExpandContext): Pick<NameService, "known"> {
  if (portal?.name === undefined || portal.addresses.length === 0) return {};
  return { known: { [portal.name]: portal.addresses } };
}

/** A program that asks systemd-resolved by its bus has that program's socket query for it (nss-resolve(8)). */
function byProgram({ facts }: ExpandContext): Note {
  const path = "dns";
  if (facts.asksResolved !== true) {
    return {
      path,
      message: "names of a program in a rule are resolved by the servers of its tunnel",
      enforcement: "enforced",
    };
  }
  const message =
    "programs resolve names by systemd-resolved (nss-resolve), so their DNS does not follow their rule; remove resolve from the hosts line of /etc/nsswitch.conf";
  return { path, message, enforcement: "best-effort", isWarning: true };
}
