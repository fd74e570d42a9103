import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { readNamespaceInode } from "../../../native/linux/process/namespace.ffi.ts";
import { ownNamespaceCookie } from "../../../native/linux/process/namespace-cookie.ffi.ts";
import { textOf } from "../../../native/linux/readable-files.ts";

/** Where the classifier works, and where it is kept. */
export interface ClassifierPlace {
  /** The cookie of the network namespace (SO_NETNS_COOKIE). */
  readonly namespace: bigint;
  /** Its inode. */
  readonly inode: bigint;
  /** The root of cgroup v2. */
  readonly cgroup: string;
  /** A folder of its own on a bpf file system. */
  readonly folder: string;
}

/** statfs(2): BPF_FS_MAGIC and CGROUP2_SUPER_MAGIC of linux/magic.h. */
const MAGIC = { bpf: 0xcafe4a11, cgroup2: 0x63677270 } as const;
/** Where distributions mount them; /sys/fs/cgroup/unified beside control groups of version 1. */
const MOUNTED = { bpf: ["/sys/fs/bpf"], cgroup2: ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] } as const;
const NSENTER = ["/usr/bin/nsenter", "/bin/nsenter", "/usr/sbin/nsenter"] as const;
const MOUNT_BPF = ["mount", "-t", "bpf", "-o", "nosuid,nodev,noexec,mode=700", "bpf", "/sys/fs/bpf"] as const;
const FOLDER = "awg";
/** More than any chain of processes that is no loop, which numbers in reuse can make. */
const MOST_ANCESTORS = 256;

/** Where such a file system is mounted; undefined if nowhere. */
export function findMount(type: keyof typeof MAGIC): string | undefined {
  const roots = [...hostProcesses().map((pid) => `/proc/${pid}/root`), ""];
  return roots.flatMap((root) => MOUNTED[type].map((path) => `${root}${path}`)).find((path) => isOn(path, MAGIC[type]));
}

/** The classifier's place for this network namespace, if it can have one without a new mount. */
export function findPlace(): ClassifierPlace | undefined {
  const [bpf, cgroup] = [findMount("bpf"), findMount("cgroup2")];
  if (bpf === undefined || cgroup === undefined) return undefined;
  const namespace = ownNamespaceCookie();
  return { namespace, inode: readNamespaceInode(), cgroup, folder: join(bpf, FOLDER, `${namespace}`) };
}

/**
 * The same; mounts the bpf file system for the host if it has none, as systemd does at boot.
 *
 * @throws AwgError unsupported without cgroup v2, host when the mount fails.
 */
export function makePlace(): ClassifierPlace {
  if (findMount("bpf") === undefined) mountBpf();
  const place = findPlace();
  if (place !== undefined) return place;
  throw new AwgError("unsupported", "cgroup v2 is not mounted, so sockets cannot be classified by program", {
    remedy: "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified",
  });
}

function mountBpf(): void {
  const [pid = "self"] = hostProcesses();
  const program = NSENTER.find((path) => existsSync(path));
  const remedy = `mount it: ${MOUNT_BPF.join(" ")}`;
  try {
    if (program === undefined) throw new AwgError("host", "nsenter is not installed");
    const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    execFileSync(program, [`--mount=/proc/${pid}/ns/mnt`, "--", ...MOUNT_BPF], { env: environment, stdio: "pipe" });
  } catch (cause) {
    throw new AwgError("host", "the bpf file system, which keeps the classifier, cannot be mounted", { cause, remedy });
  }
}

/**
 * Processes that see the host's mounts, also where they are hidden from this one (`ip netns exec` mounts another /sys, and
 * what is mounted there is gone with its last process): its ancestors that it may look at, the first of all first.
 */
function hostProcesses(): readonly number[] {
  const found: number[] = [];
  for (let pid = process.ppid; pid > 0 && found.length < MOST_ANCESTORS; pid = parentOf(pid)) found.unshift(pid);
  return found.filter(isVisible);
}

/** The fourth field of /proc/PID/stat, after the name in parentheses; 0 if there is none. */
function parentOf(pid: number): number {
  const text = textOf(`/proc/${pid}/stat`);
  return Number(text.slice(text.lastIndexOf(")") + 1).split(" ")[2] ?? 0) || 0;
}

function isVisible(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/ns/mnt`);
    return true;
  } catch {
    return false;
  }
}

function isOn(path: string, magic: number): boolean {
  try {
    return statfsSync(path).type === magic;
  } catch {
    return false;
  }
}
