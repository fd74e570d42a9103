import { addressOfServer, allServers } from "../../../model/dns/name-server.ts";
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
  const { config, facts } = context;
  const dns = config.dns;
  if (dns === undefined || !hasServers(context)) return [];
  const isSplit = Object.keys(dns.split).length > 0;
  const device = linkOfServers(context);
  const method = facts.resolver;
  if (method === "resolved" && device === undefined) return [];
  const split = isSplit ? { split: dns.split } : {};
  const plain = Object.entries(dns.split).map(([domain, some]) => [domain, some.map(addressOfServer)]);
  const isEncrypted = allServers(dns).some((server) => typeof server !== "string");
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
  return [{ kind: "resolver", key: "resolver/machine", spec }];
}

/** How the system resolver's servers are kept. */
export function resolverNotes(context: ExpandContext, names: NameRules): Note[] {
  if (!hasServers(context)) return [];
  if (context.facts.resolver === "resolved" && linkOfServers(context) === undefined) {
    return [{ path: "dns", message: "systemd-resolved is unchanged: no link can carry the servers" }];
  }
  const bypassed: Note = {
    path: "dns.servers",
    message: "programs that bypass the system resolver are still held to the DNS path",
    enforcement: "best-effort",
  };
  return names.listeners.length === 0 ? [bypassed] : [bypassed, byProgram(context)];
}

function hasServers({ config: { dns } }: ExpandContext): boolean {
  return dns !== undefined && dns.servers.length + Object.keys(dns.split).length > 0;
}

/** The link to which systemd-resolved binds the servers; undefined if there is none. */
function linkOfServers({ config: { dns }, facts, tunnels, proxies }: ExpandContext): string | undefined {
  const tunnel = dns?.via.kind === "tunnel" ? dns.via.tunnel : undefined;
  const isOnTunnel = tunnel !== undefined && !proxies.some(({ key }) => key === tunnel);
  return isOnTunnel ? tunnels.find(({ key }) => key === tunnel)?.device : facts.uplinks[0]?.device;
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
