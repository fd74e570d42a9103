import { parseIp } from "../../../model/ip.ts";
import type { EngineUser } from "../../../model/keeper-protocol.ts";
import { withFilesystemUser } from "../../../native/linux/process/credentials.ffi.ts";

const LOOKUP_TIMEOUT_MS = 5000;
const QUERY_TIMEOUT_MS = 1500;
const QUERY_TRIES = 2;

export interface HostLookup {
  /** Asked first, by sockets of our own user, which the firewall and the policy rules let out to them alone. */
  readonly bootstrap: readonly string[];
  readonly user: EngineUser;
}

/**
 * Addresses of names in order of preference; one that cannot be resolved in time is left out. Addresses stand for
 * themselves. Where the bootstrap servers know nothing the machine's own resolver is asked.
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
  const asked = lookup.bootstrap.length === 0 ? [] : await askBootstrap(host, lookup);
  return asked.length > 0 ? asked : askSystem(host);
}

/** The query's socket is made within the call (c-ares 1.34 opens it before it returns), so it bears the user's uid. */
async function askBootstrap(host: string, { bootstrap, user }: HostLookup): Promise<readonly string[]> {
  const { Resolver } = await import("node:dns/promises");
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  resolver.setServers(bootstrap);
  const ask = () => [resolver.resolve4(host), resolver.resolve6(host)];
  // Without root's rights, as in a plan made by anybody, the query goes out as it can.
  const mayChange = user.uid !== 0 && process.geteuid?.() === 0;
  const queries = mayChange ? withFilesystemUser(user.uid, user.gid, ask) : ask();
  const answers = await Promise.allSettled(queries);
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
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
