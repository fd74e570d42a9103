import { canonicalName, RECORD } from "../../../model/dns/question.ts";
import { parseIp } from "../../../model/ip.ts";
import type { EngineUser } from "../../../model/keeper-protocol.ts";
import { lookUpBySystem } from "../../probes/system-lookup.ts";
import type { HostServers } from "../resolver/host-servers.ts";
import { addressesInHosts } from "./hosts-file.ts";

/** Time limit for all names together: they are queried at once. */
const LOOKUP_TIMEOUT_MS = 4000;

export interface HostLookup {
  /**
   * If not empty, only these servers are queried, by sockets of our own user; the firewall accepts that traffic to them
   * alone.
   */
  readonly bootstrap: readonly string[];
  /** Used if `bootstrap` is empty: the name servers of the host without awg's. */
  readonly host: HostServers;
  readonly user: EngineUser;
}

/**
 * Resolves names to addresses; a name that cannot be resolved in time is left out, and an address resolves to itself.
 * The servers are queried directly: awg's own resolver may be behind the tunnel whose endpoint is wanted. With
 * bootstrap servers nothing else is used. Without them hosts(5) comes first, then the host's servers, and the C library
 * only where no server is known.
 */
export async function resolveHosts(
  hosts: readonly string[],
  lookup: HostLookup,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const found = await Promise.all(hosts.map(async (host) => [host, await resolveHost(host, lookup)] as const));
  return Object.fromEntries(found.filter(([, addresses]) => addresses.length > 0));
}

async function resolveHost(host: string, { bootstrap, host: own, user }: HostLookup): Promise<readonly string[]> {
  if (parseIp(host) !== undefined) return [host];
  const name = canonicalName(host);
  if (name === undefined) return bootstrap.length === 0 ? lookUpBySystem(host, LOOKUP_TIMEOUT_MS) : [];
  if (bootstrap.length > 0) return queryDirectly([name], bootstrap, user);
  const known = addressesInHosts(name);
  if (known.length > 0) return known;
  if (own.servers.length === 0) return lookUpBySystem(host, LOOKUP_TIMEOUT_MS);
  return queryDirectly(namesFor(name, own.search), own.servers, user);
}

/** As in resolv.conf(5): a name without a dot is tried in each search domain first. */
function namesFor(name: string, search: readonly string[]): readonly string[] {
  if (name.includes(".")) return [name];
  return [...search.map((domain) => `${name}.${domain}`), name].flatMap((full) => canonicalName(full) ?? []);
}

async function queryDirectly(
  names: readonly string[],
  servers: readonly string[],
  user: EngineUser,
): Promise<readonly string[]> {
  const { queryServers } = await import("./bootstrap-query.ts");
  const endMs = steadyMs() + LOOKUP_TIMEOUT_MS;
  // Without root's rights, as in a plan by an ordinary user, the query uses that user's socket.
  const asker = { servers, user: process.geteuid?.() === 0 ? user : undefined, isOver: () => steadyMs() >= endMs };
  for (const name of names) {
    const answers = await Promise.all([RECORD.aaaa, RECORD.a].map((type) => queryServers(name, type, asker)));
    if (answers.flat().length > 0) return answers.flat();
  }
  return [];
}

function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
