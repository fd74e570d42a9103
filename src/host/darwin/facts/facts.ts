import { existsSync } from "node:fs";
import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { type Family, parseIp } from "../../../model/ip.ts";
import { sha256 } from "../../../model/sha256.ts";
import { INTERFACE } from "../../../native/darwin/constants.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { bindToInterface } from "../../../native/darwin/link/bound-interface.ts";
import type { Interface } from "../../../native/darwin/link/interface-message.codec.ts";
import { bytesToHex } from "../../../uapi/key-text.ts";
import type { Capabilities, FactsPort, FactsWanted, HostFacts, Uplink } from "../../ports/facts.ts";
import { lookUpBySystem } from "../../probes/system-lookup.ts";
import type { RunCommand } from "../command.ts";
import { readInterfaces } from "../links/interfaces.ts";
import { dumpRoutes } from "../routes/route-socket.ts";
import { ENGINE_ACCOUNT, uidOf } from "./accounts.ts";
import { resolveByBootstrap } from "./bootstrap-query.ts";
import { pathMtus } from "./path-mtu.ts";
import { uplinksOf } from "./uplinks.ts";

const IOREG = "/usr/sbin/ioreg";
const LOOKUP_TIMEOUT_MS = 5000;
/** Folders of Homebrew (Apple silicon, Intel) and MacPorts with wireguard-go and amneziawg-go. */
const PROGRAM_FOLDERS = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];

export interface DarwinFactsDeps {
  readonly system: LibSystem;
  readonly run: RunCommand;
  /** The interface of each device of ours. */
  readonly held: () => Promise<ReadonlyMap<string, string>>;
  /** Folder used instead of /. */
  readonly root: string;
}

/**
 * The facts of a Mac, read again on each call: interfaces and routes from the kernel, accounts and machine id by
 * programs.
 */
export function darwinFacts(deps: DarwinFactsDeps): FactsPort {
  return { read: (wanted) => readFacts(deps, wanted) };
}

async function readFacts({ system, run, held, root }: DarwinFactsDeps, wanted: FactsWanted): Promise<HostFacts> {
  const own = new Set((await held()).values());
  const interfaces = readInterfaces(system).filter(
    ({ name, flags }) => !own.has(name) && (flags & INTERFACE.IFF_LOOPBACK) === 0,
  );
  const names = new Map(interfaces.map(({ index, name }) => [index, name]));
  const uplinks = uplinksOf(dumpRoutes(system), names);
  const addresses = await resolveHosts(system, wanted, uplinks, interfaces);
  const asked = [...new Set([...Object.values(addresses).flat(), ...(wanted.endpoints ?? [])])];
  const uids = await Promise.all(wanted.users.map(async (name) => [name, await uidOf(run, name)] as const));
  return {
    os: "darwin",
    fingerprint: await readFingerprint(run),
    capabilities: readCapabilities(root),
    uplinks,
    devices: interfaces.map(({ name, mtuBytes }) => ({ name, mtuBytes })),
    serviceUid: ENGINE_ACCOUNT.uid,
    uids: Object.fromEntries(uids.flatMap(([name, uid]) => (uid === undefined ? [] : [[name, uid]]))),
    addresses,
    pathMtuBytes: pathMtus(system, asked, { uplinks, interfaces }),
    resolver: "dynamic-store",
  };
}

/** The capabilities of a Mac: utun and PF; neither Linux's packet filter nor kernel WireGuard. */
function readCapabilities(root: string): Capabilities {
  const has = (program: string) => PROGRAM_FOLDERS.some((folder) => existsSync(join(root, folder, program)));
  return {
    tun: true,
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

/** Identifies this Mac: hex SHA-256 of its hardware UUID, which must not be exposed. */
async function readFingerprint(run: RunCommand): Promise<string> {
  const { stdout } = await run({ path: IOREG, args: ["-rd1", "-c", "IOPlatformExpertDevice"] });
  const uuid = /"IOPlatformUUID" = "([0-9A-F-]{36})"/.exec(stdout)?.[1] ?? "";
  return bytesToHex(sha256(new TextEncoder().encode(`awg ${uuid}`)));
}

/**
 * Resolves names to addresses. With bootstrap servers only these are queried, around every tunnel; the host's resolver
 * could use the tunnel whose endpoint is wanted.
 */
async function resolveHosts(
  system: LibSystem,
  { hosts, bootstrap = [] }: FactsWanted,
  uplinks: readonly Uplink[],
  interfaces: readonly Interface[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const bind = (fd: number, family: Family) => {
    const device = uplinks.find((one) => one.family === family)?.device;
    const index = interfaces.find(({ name }) => name === device)?.index;
    if (index === undefined) throw new AwgError("host", `there is no uplink for IPv${family}`);
    bindToInterface(system, fd, family, index);
  };
  const found = await Promise.all(
    hosts.map(async (host) => {
      if (parseIp(host) !== undefined) return [host, [host]] as const;
      const asksServers = bootstrap.length > 0;
      return [
        host,
        asksServers
          ? await resolveByBootstrap(host, { servers: bootstrap, bind })
          : await lookUpBySystem(host, LOOKUP_TIMEOUT_MS),
      ] as const;
    }),
  );
  return Object.fromEntries(found.filter(([, addresses]) => addresses.length > 0));
}
