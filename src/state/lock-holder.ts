import { closeSync, constants, openSync } from "node:fs";
import { type LockHolder, readHolder, takeLock } from "./lock.ts";
import { isCode } from "./state-folder.ts";

/** The lock of all who write to a machine. */
export interface WritersLock {
  /** Without waiting; AwgError locked, naming who has it, where another process does. */
  take(holder: LockHolder): Disposable;
  /** Who has it, as far as can be told; takes nothing. */
  holder(): Pick<LockHolder, "pid"> | undefined;
}

/** The lock as a file of its own. */
export function fileLock(path: string): WritersLock {
  return { take: (holder) => takeLock(path, holder), holder: () => lockHolder(path) };
}

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
