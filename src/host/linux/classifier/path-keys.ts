import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileKeys } from "./inode-key.ts";
import { ENTRY_BYTES, KEY_BYTES } from "./program/emit.ts";
import { type FileKey, nameKey, type PathKeys, wordBytes } from "./tables.ts";

/** Keys of this host's files and control groups; a group's number is that of its folder in cgroup v2. */
export function pathKeys(cgroupRoot: string): PathKeys {
  return {
    file: fileKey,
    folder: (path) => fileKeys(path)?.inode,
    cgroup: (path) => {
      const status = statSync(join(cgroupRoot, path), { bigint: true, throwIfNoEntry: false });
      return status === undefined ? undefined : wordBytes(status.ino);
    },
  };
}

/**
 * A program by its place in its folder, after symbolic links: so a new file by that name matches at once, also one that is
 * installed later. A bind-mounted file has no such place and is known by its inode.
 */
function fileKey(path: string): FileKey | undefined {
  const real = existsSync(path) ? realpathSync(path) : path;
  const folder = fileKeys(dirname(real));
  if (folder === undefined) return undefined;
  const file = fileKeys(real);
  if (file !== undefined && file.mount !== folder.mount) return { kind: "inode", key: file.inode };
  const key = new Uint8Array(ENTRY_BYTES);
  key.set(folder.inode);
  key.set(nameKey(basename(real)), KEY_BYTES);
  return { kind: "entry", key };
}
