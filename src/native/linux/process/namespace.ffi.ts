import { readlinkSync } from "node:fs";
import { AwgError } from "../../../model/error.ts";
import { hasErrno } from "../errno.ts";
import { checkedLibc, closeDescriptor } from "../libc.ffi.ts";

const CLONE_NEWNS = 0x00020000;
const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;
const MOUNT = { bind: 4096, recursive: 16384, private: 1 << 18, slave: 1 << 19 } as const;
const MNT_DETACH = 2;
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/**
 * Moves this thread into the network namespace of a file (`/run/netns/NAME`, `/proc/PID/ns/net`). It affects this
 * thread only: call it before any other thread exists, then exec.
 *
 * @throws AwgError("host" | "permission") when the file is not a namespace or permission is missing.
 */
export function enterNetworkNamespace(path: string): void {
  const fd = checkedLibc(`opening the network namespace ${path}`, "open", path, O_RDONLY_CLOEXEC);
  try {
    checkedLibc(`entering the network namespace ${path}`, "setns", fd, CLONE_NEWNET);
  } finally {
    closeDescriptor(fd);
  }
}

/** Gives this thread a private mount namespace. */
export function unshareMounts(): void {
  checkedLibc("making private mounts", "unshare", CLONE_NEWNS);
  checkedLibc("making private mounts", "mount", "none", "/", null, MOUNT.slave | MOUNT.recursive, null);
}

/** Bind-mounts a file or folder over another, in this mount namespace. */
export function bindMount(source: string, target: string): void {
  checkedLibc(`binding ${source} over ${target}`, "mount", source, target, null, MOUNT.bind, null);
}

/** Mounts a filesystem without a device ("sysfs", "tmpfs"). */
export function mountFilesystem(type: string, target: string): void {
  checkedLibc(`mounting ${type} on ${target}`, "mount", type, target, type, 0, null);
}

/** Detaches a mount lazily. */
export function detachMount(target: string): void {
  checkedLibc(`unmounting ${target}`, "umount2", target, MNT_DETACH);
}

/**
 * The inode of a process's network namespace, or of this one's. Processes with the same inode share links, routes and
 * rules.
 *
 * @throws AwgError("host") when it cannot be read (no such process, or no permission).
 */
export function readNamespaceInode(pid: number | "self" = "self"): bigint {
  const path = `/proc/${pid}/ns/net`;
  try {
    const inode = /^net:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
    if (inode !== undefined) return BigInt(inode);
  } catch (cause) {
    throw new AwgError("host", `the network namespace of process ${pid} cannot be read from ${path}`, { cause });
  }
  throw new AwgError("host", `${path} names no network namespace`);
}

/**
 * Identifies this network namespace within this boot, even if its inode is reused (SO_NETNS_COOKIE of socket(7), Linux
 * 5.14); undefined where the kernel does not support it.
 */
export function readNamespaceCookie(): bigint | undefined {
  const action = "reading the network namespace's cookie";
  const fd = checkedLibc(action, "socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  const bytes = new Uint8Array(8);
  try {
    checkedLibc(action, "getsockopt", fd, SOL_SOCKET, SO_NETNS_COOKIE, bytes, Uint8Array.of(8, 0, 0, 0));
    return new DataView(bytes.buffer).getBigUint64(0, true);
  } catch (error) {
    if (hasErrno(error, "ENOPROTOOPT")) return undefined;
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}
