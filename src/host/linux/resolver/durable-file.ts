import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { isMountPoint } from "./private-file.ts";

const NEW_LINE = 10;

/** The owner and mode of a file. */
export interface FileOwner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file durably: after a crash it has either the old or the new content. A file that is a mount point
 * (resolv.conf in containers and network namespaces) cannot be replaced and is written in place, without a draft beside
 * it: other namespaces share its folder.
 */
export function replaceFile(path: string, content: Uint8Array, owner: FileOwner): void {
  if (isMountPoint(path)) {
    writeDurably(path, "r+", content, owner);
    return;
  }
  const draft = `${path}.awg-new`;
  writeDurably(draft, "w", content, owner);
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EBUSY" && code !== "EXDEV") throw error;
    writeDurably(path, "r+", content, owner);
  }
  syncFolder(dirname(path));
}

/** Makes the removal or renaming of files in a folder durable (fsync). */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * In place, the content is written before the file is truncated, so that it is never empty. The rest is first
 * overwritten with empty lines, so that no mixed line ever appears.
 */
function writeDurably(path: string, flags: "w" | "r+", content: Uint8Array, owner: FileOwner): void {
  const fd = openSync(path, flags, owner.mode);
  try {
    const bytes = new Uint8Array(Math.max(content.length, fstatSync(fd).size)).fill(NEW_LINE, content.length);
    bytes.set(content);
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(fd, bytes, written, bytes.length - written, written);
    }
    ftruncateSync(fd, content.length);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chownSync(path, owner.uid, owner.gid);
  chmodSync(path, owner.mode);
}
