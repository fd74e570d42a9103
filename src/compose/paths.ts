import { readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { DaemonSockets } from "../daemon/serving/daemon-socket.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { LAUNCHD } from "../model/resources/service.ts";
import { readNamespaceCookie, readNamespaceInode } from "../native/linux/process/namespace.ffi.ts";
import type { UnixExchanges } from "../native/unix-exchange.ts";
import { readStateIdentity } from "../state/identity.ts";

/** Paths of awg's files per network namespace, so that two namespaces never share state, socket or lock. */
export interface Paths {
  readonly stateDir: string;
  /** Sockets and what is lost with a reboot. */
  readonly runDir: string;
  readonly lockFile: string;
  /** The daemon's lock and record, without their extensions. */
  readonly daemonFile: string;
  readonly daemonSockets: DaemonSockets;
  /** The socket of the API over HTTP. */
  readonly apiSocket: string;
  /** Whether this is not the host's own network namespace: no D-Bus and no systemd then. */
  readonly namespaced: boolean;
}

const STATE_DIR = "/var/lib/awg";
const RUN_DIR = "/run/awg";
/** A link to no file: its target is the inode number of the host's own network namespace. */
const HOST_NAMESPACE = "/run/awg/host-netns";
/** linux/nsfs.h; numbers that are given to others begin behind it. */
const NET_NS_INIT_INO = 0xefff_fff9;
/** Folder in which wg and wg-quick on macOS look up a tunnel's interface name, `<tunnel>.name`. */
export const DARWIN_NAME_FOLDER = "/var/run/wireguard";

/** Design section 5; macOS has no network namespaces. */
const DARWIN = {
  stateDir: "/Library/Application Support/awg",
  runDir: "/var/run/awg",
  lockFile: "/var/run/awg.lock",
  daemonFile: "/var/run/awg.daemon",
  daemonSockets: { admins: "/var/run/awg.daemon.sock", viewers: "/var/run/awg.daemon-viewer.sock" },
  apiSocket: LAUNCHD.apiSocket,
} as const;

/**
 * The folders for this process: those of the design in the host's own network namespace. In another, its inode number
 * is appended. If the host's own is unknown (an unreadable /proc/1), the namespace counts as another. Inode numbers are
 * reused, at once and after a reboot. The state folder outlives its namespace, so it also names the boot and the
 * namespace.
 */
export function pathsFor(stateDir: string | undefined, runDir: string | undefined): Paths {
  if (process.platform === "darwin") {
    const { lockFile, daemonFile, daemonSockets, apiSocket } = DARWIN;
    const folders = { stateDir: stateDir ?? DARWIN.stateDir, runDir: runDir ?? DARWIN.runDir };
    return { ...folders, lockFile, daemonFile, daemonSockets, apiSocket, namespaced: false };
  }
  const suffix = namespaceSuffix();
  const run = runDir ?? join(RUN_DIR, suffix === "" ? "" : `netns-${suffix}`);
  return {
    stateDir: stateDir ?? (suffix === "" ? STATE_DIR : namespaceFolder(suffix)),
    runDir: run,
    lockFile: join(RUN_DIR, suffix === "" ? "lock" : `lock.${suffix}`),
    daemonFile: join(RUN_DIR, suffix === "" ? "daemon" : `daemon.${suffix}`),
    daemonSockets: { admins: socketOf("daemon", suffix), viewers: socketOf("daemon-viewer", suffix) },
    apiSocket: socketOf("awg", suffix),
    namespaced: suffix !== "",
  };
}

function socketOf(name: string, suffix: string): string {
  return join(RUN_DIR, suffix === "" ? `${name}.sock` : `${name}.${suffix}.sock`);
}

/** Where the control sockets of this network namespace's engines are, beside the shared folders, and how to use them. */
export interface ControlSockets {
  /** The keeper's folder; undefined on macOS, which has one network. */
  readonly keeperFolder?: string;
  /** Whether a socket in a shared folder counts. */
  readonly counts: (path: string) => boolean;
  readonly unix: UnixExchanges;
}

/** @param isNamespaceAlone leaves out shared sockets that another network namespace serves, as `--netns` asks for */
export async function controlSocketsHere(isNamespaceAlone: boolean): Promise<ControlSockets> {
  const unix = (await import("../native/unix-exchange-here.ts")).unixExchangesHere();
  if (process.platform !== "linux") return { counts: () => true, unix };
  const { isServedElsewhere } = await import("../native/linux/process/engine-sockets.ts");
  const { folder } = keeperPaths(pathsFor(undefined, undefined).runDir, readNamespaceInode());
  return { keeperFolder: folder, counts: (path) => !isNamespaceAlone || !isServedElsewhere(path), unix };
}

/** "" in the host's own network namespace, else the namespace's inode number. */
function namespaceSuffix(): string {
  const own = inodeOf("/proc/self/ns/net");
  const hosts = inodeOf("/proc/1/ns/net") ?? recordedHost();
  return own !== undefined && own === hosts ? "" : String(own ?? "unknown");
}

/**
 * Records the number of the host's own network namespace for processes that may not read it (ptrace(2), access mode
 * checking): without it a viewer would not find the sockets. The namespace lives until the next boot, which empties the
 * folder.
 */
export function recordHostNamespace(): void {
  const own = inodeOf("/proc/self/ns/net");
  if (own === undefined || own !== inodeOf("/proc/1/ns/net")) return;
  rmSync(HOST_NAMESPACE, { force: true });
  symlinkSync(String(own), HOST_NAMESPACE);
}

function recordedHost(): number | undefined {
  try {
    return Number(readlinkSync(HOST_NAMESPACE));
  } catch {
    return undefined;
  }
}

/**
 * The host's own, hidden behind an unreadable /proc/1, has this number in every boot. No other namespace ever has it.
 */
function namespaceFolder(suffix: string): string {
  return join(STATE_DIR, isOfInitial(suffix) ? `netns-${suffix}` : `netns-${suffix}-${incarnation()}`);
}

/** Whether it is the number of the host's own network namespace, fixed since Linux 6.18. */
export function isOfInitial(suffix: string): boolean {
  return Number(suffix) === NET_NS_INIT_INO;
}

/** An identity that no other network namespace has or had, as far as the kernel shows: the boot and the namespace. */
function incarnation(): string {
  const [boot] = readStateIdentity().bootId.split("-");
  return [boot, readNamespaceCookie()].filter((part) => part !== undefined).join("-");
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
