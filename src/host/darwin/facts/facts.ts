import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseIp } from "../../../model/ip.ts";
import { sha256 } from "../../../model/sha256.ts";
import { bytesToHex } from "../../../model/uapi/key-text.ts";
import { INTERFACE } from "../../../native/darwin/constants.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { Capabilities, FactsPort, FactsWanted, MachineFacts } from "../../ports/facts.ts";
import type { RunCommand } from "../command.ts";
import { readInterfaces } from "../links/interfaces.ts";
import { dumpRoutes } from "../routes/route-socket.ts";
import { serviceUser, uidOf } from "./accounts.ts";
import { uplinksOf } from "./uplinks.ts";

const IOREG = "/usr/sbin/ioreg";
const LOOKUP_TIMEOUT_MS = 5000;
/** Where wireguard-go and amneziawg-go are installed by Homebrew (Apple silicon, Intel) and MacPorts. */
const PROGRAM_FOLDERS = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];

export interface DarwinFactsDeps {
  readonly system: LibSystem;
  readonly run: RunCommand;
  /** The interface of each device of ours. */
  readonly held: () => Promise<ReadonlyMap<string, string>>;
  /** Folder that stands for /. */
  readonly root: string;
}

/** The facts of a Mac, read afresh on each call: interfaces and routes from the kernel, accounts and machine id by programs. */
export function darwinFacts(deps: DarwinFactsDeps): FactsPort {
  return { read: (wanted) => readFacts(deps, wanted) };
}

async function readFacts({ system, run, held, root }: DarwinFactsDeps, wanted: FactsWanted): Promise<MachineFacts> {
  const own = new Set((await held()).values());
  const interfaces = readInterfaces(system).filter(
    ({ name, flags }) => !own.has(name) && (flags & INTERFACE.IFF_LOOPBACK) === 0,
  );
  const names = new Map(interfaces.map(({ index, name }) => [index, name]));
  const uids = await Promise.all(wanted.users.map(async (name) => [name, await uidOf(run, name)] as const));
  return {
    os: "darwin",
    fingerprint: await readFingerprint(run),
    capabilities: readCapabilities(root),
    uplinks: uplinksOf(dumpRoutes(system), names),
    devices: interfaces.map(({ name, mtuBytes }) => ({ name, mtuBytes })),
    serviceUid: (await serviceUser(run)).uid,
    uids: Object.fromEntries(uids.flatMap(([name, uid]) => (uid === undefined ? [] : [[name, uid]]))),
    addresses: await resolveHosts(wanted.hosts),
    resolver: "dynamic-store",
  };
}

/** What a Mac has of the list: utun and PF. Nothing of Linux's packet filter, and no kernel's WireGuard. */
function readCapabilities(root: string): Capabilities {
  const has = (program: string) => PROGRAM_FOLDERS.some((folder) => existsSync(join(root, folder, program)));
  return {
    tun: true,
    embeddedEngine: false,
    nftables: false,
    pf: true,
    egressHook: false,
    ownedTables: false,
    kernelWireguard: false,
    userspaceWireguard: has("wireguard-go"),
    userspaceAmneziawg: has("amneziawg-go"),
    resolved: false,
  };
}

/** Names this Mac: hex SHA-256 of its hardware UUID, which is not to be shown as it is. */
async function readFingerprint(run: RunCommand): Promise<string> {
  const { stdout } = await run({ path: IOREG, args: ["-rd1", "-c", "IOPlatformExpertDevice"] });
  const uuid = /"IOPlatformUUID" = "([0-9A-F-]{36})"/.exec(stdout)?.[1] ?? "";
  return bytesToHex(sha256(new TextEncoder().encode(`awg ${uuid}`)));
}

async function resolveHosts(hosts: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const found = await Promise.all(hosts.map(async (host) => [host, await resolveHost(host)] as const));
  return Object.fromEntries(found.filter(([, addresses]) => addresses.length > 0));
}

async function resolveHost(host: string): Promise<readonly string[]> {
  if (parseIp(host) !== undefined) return [host];
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
