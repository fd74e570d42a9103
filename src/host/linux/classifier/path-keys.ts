import { statSync } from "node:fs";
import { join } from "node:path";
import { inodeKey } from "./inode-key.ts";
import { type PathKeys, wordBytes } from "./tables.ts";

/** Keys of this host's files and control groups; a group's number is that of its folder in cgroup v2. */
export function pathKeys(cgroupRoot: string): PathKeys {
  return {
    inode: inodeKey,
    cgroup: (path) => {
      const status = statSync(join(cgroupRoot, path), { bigint: true, throwIfNoEntry: false });
      return status === undefined ? undefined : wordBytes(status.ino);
    },
  };
}
