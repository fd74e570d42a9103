import { closeSync, constants, openSync } from "node:fs";
import { type LockHolder, readHolder } from "./lock.ts";
import { isCode } from "./state-folder.ts";

/** Who holds the lock now, for verbs that only read: it is never taken for that. undefined where nobody does. */
export function lockHolder(path: string): LockHolder | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const holder = readHolder(fd);
    return holder !== undefined && isAlive(holder.pid) ? holder : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whoever was killed has let go of the lock, and its name still stands in the file. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}
