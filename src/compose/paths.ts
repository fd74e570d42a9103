import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { readNamespaceCookie } from "../native/linux/process/namespace.ffi.ts";
import { readEnvelope } from "../state/envelope.ts";
import { readStateIdentity } from "../state/identity.ts";
import { decodeLines } from "../state/line.codec.ts";
import { StateFolder } from "../state/state-folder.ts";

/** Where awg keeps what; per network namespace, so that two of them never share state, socket or lock. */
export interface Paths {
  readonly stateDir: string;
  /** Sockets and what is lost with a reboot. */
  readonly runDir: string;
  readonly lockFile: string;
  /** Whether this is not the machine's own network namespace: no D-Bus and no systemd then. */
  readonly namespaced: boolean;
}

const STATE_DIR = "/var/lib/awg";
const RUN_DIR = "/run/awg";
/** Where wg and wg-quick of macOS look for the name of a tunnel's interface, `<tunnel>.name`. */
export const DARWIN_NAME_FOLDER = "/var/run/wireguard";

/** Design section 5; macOS has no network namespaces. */
const DARWIN = {
  stateDir: "/Library/Application Support/awg",
  runDir: "/var/run/awg",
  lockFile: "/var/run/awg.lock",
} as const;

/**
 * The folders for this process. In the machine's own network namespace they are design's; in another, its inode number
 * is appended. Where the machine's own cannot be told (an unreadable /proc/1), the namespace counts as another. Numbers are given
 * again, at once and after a reboot: the folder of the state, which outlives its namespace, tells the boot and the namespace besides.
 */
export function pathsFor(stateDir: string | undefined, runDir: string | undefined): Paths {
  if (process.platform === "darwin") {
    const { lockFile } = DARWIN;
    return { stateDir: stateDir ?? DARWIN.stateDir, runDir: runDir ?? DARWIN.runDir, lockFile, namespaced: false };
  }
  const suffix = namespaceSuffix();
  const run = runDir ?? join(RUN_DIR, suffix === "" ? "" : `netns-${suffix}`);
  return {
    stateDir: stateDir ?? (suffix === "" ? STATE_DIR : namespaceFolder(suffix)),
    runDir: run,
    lockFile: join(RUN_DIR, suffix === "" ? "lock" : `lock.${suffix}`),
    namespaced: suffix !== "",
  };
}

/** "" in the machine's own network namespace, else the namespace's inode number. */
function namespaceSuffix(): string {
  const own = inodeOf("/proc/self/ns/net");
  return own !== undefined && own === inodeOf("/proc/1/ns/net") ? "" : String(own ?? "unknown");
}

/** Where an awg that told namespaces by their number alone left state in this boot, the rest of the boot goes on there. */
function namespaceFolder(suffix: string): string {
  const folder = join(STATE_DIR, `netns-${suffix}-${incarnation()}`);
  const before = join(STATE_DIR, `netns-${suffix}`);
  return !existsSync(folder) && isOfThisBoot(before) ? before : folder;
}

/** Whether there is state in a folder that was written since the machine was booted. */
export function isOfThisBoot(path: string): boolean {
  const folder = new StateFolder(path);
  try {
    return ["ledger", "journal"].some((name) => {
      const [first] = decodeLines(folder.read(name) ?? new Uint8Array()).values;
      return first !== undefined && readEnvelope(first, path).bootId === readStateIdentity().bootId;
    });
  } catch {
    // What is wrong with it is told where it is read.
    return existsSync(path);
  }
}

/** What no other network namespace has or had, as far as the kernel tells: the boot, and which of its namespaces this is. */
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
