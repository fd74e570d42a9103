import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { KEY_BYTES } from "./program/emit.ts";

/** O_PATH: a descriptor that names a file without opening it, so that no device or FIFO waits (asm-generic/fcntl.h). */
const O_PATH = 0o10000000;
/** The kernel's own device numbers have twenty bits for the minor (linux/kdev_t.h, MINORBITS). */
const MINOR_BITS = 20;

/** A file or folder as the classifier knows it, and the mount it is on. */
export interface FileKeys {
  /** Its inode number and its file system's device, little-endian. */
  readonly inode: Uint8Array;
  /** The mount's id (proc(5): mountinfo). */
  readonly mount: string;
}

/**
 * The keys of a file or folder, after symbolic links. The device comes from the mount table, since stat(2) gives another
 * one on btrfs and overlayfs.
 *
 * @returns undefined if there is no such file.
 */
export function fileKeys(path: string): FileKeys | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_PATH);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    const inode = new Uint8Array(KEY_BYTES);
    const view = new DataView(inode.buffer);
    const { mount, device } = mountOf(descriptor);
    view.setBigUint64(0, fstatSync(descriptor, { bigint: true }).ino, true);
    view.setUint32(8, device, true);
    return { inode, mount };
  } finally {
    closeSync(descriptor);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** The mount that a descriptor's file is on, and its device (proc(5): fdinfo, mountinfo). */
function mountOf(descriptor: number): { readonly mount: string; readonly device: number } {
  const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [id, , device = ""] = line.split(" ");
    if (mount === undefined || id !== mount) continue;
    const [major = 0, minor = 0] = device.split(":").map(Number);
    return { mount, device: ((major << MINOR_BITS) | minor) >>> 0 };
  }
  throw new RangeError(`no mount ${mount} in /proc/self/mountinfo`);
}
