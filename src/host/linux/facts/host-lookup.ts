import { canonicalName, RECORD } from "../../../model/dns/question.ts";
import { parseIp } from "../../../model/ip.ts";
import type { EngineUser } from "../../../model/keeper-protocol.ts";

const LOOKUP_TIMEOUT_MS = 5000;

export interface HostLookup {
  /**
   * If not empty, only these servers are queried, by sockets of our own user; the firewall accepts that traffic to them
   * alone.
   */
  readonly bootstrap: readonly string[];
  readonly user: EngineUser;
}

/**
 * Resolves names to addresses; a name that cannot be resolved in time is left out, and an address resolves to itself.
 * Without bootstrap servers the host's resolver is used. With them it is never used: its queries may go through the
 * tunnel whose endpoint is wanted, or around it.
 */
export async function resolveHosts(
  hosts: readonly string[],
  lookup: HostLookup,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const found = await Promise.all(hosts.map(async (host) => [host, await resolveHost(host, lookup)] as const));
  return Object.fromEntries(found.filter(([, addresses]) => addresses.length > 0));
}

async function resolveHost(host: string, lookup: HostLookup): Promise<readonly string[]> {
  if (parseIp(host) !== undefined) return [host];
  return lookup.bootstrap.length === 0 ? askSystem(host) : resolveByBootstrap(host, lookup);
}

async function resolveByBootstrap(host: string, { bootstrap, user }: HostLookup): Promise<readonly string[]> {
  const name = canonicalName(host);
  if (name === undefined) return [];
  const { queryServers } = await import("./bootstrap-query.ts");
  // Without root's rights, as in a plan by an ordinary user, the query uses that user's socket.
  const asker = { servers: bootstrap, user: process.geteuid?.() === 0 ? user : undefined };
  const answers = await Promise.all([RECORD.aaaa, RECORD.a].map((type) => queryServers(name, type, asker)));
  return answers.flat();
}

async function askSystem(host: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  const { promise: tooLate, resolve } = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => resolve([]), LOOKUP_TIMEOUT_MS);
  try {
    const answers = lookup(host, { all: true, order: "verbatim" }).then(
      (all) => all.map(({ address }) => address),
      () => [],
    );
    return await Promise.race([answers, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
