import { closeSync, constants, openSync } from "node:fs";
import { AwgError, messageOf } from "../model/error.ts";
import { outOfOpenFiles } from "../model/write-error.ts";
import { tryLockFile } from "../native/linux/process/file-lock.ffi.ts";
import { type LockHolder, type LockingProcess, lockingProcess, readHolder, takeLock } from "./lock.ts";
import { isCode } from "./state-folder.ts";

/** The lock of all who write to a machine. */
export interface WritersLock {
  /** Without waiting; AwgError locked, naming who has it, where another process does. */
  take(holder: LockHolder): Disposable;
  /** Who has it, as far as can be told; takes nothing. */
  holder(): LockingProcess | undefined;
}

/** The lock as a file of its own. */
export function fileLock(path: string): WritersLock {
  return { take: (holder) => takeLock(path, holder), holder: () => lockHolder(path) };
}

/**
 * Who holds the lock now, for verbs that only read. undefined where nobody does: whoever was killed has let go of it, its name
 * still stands in the file, and its number may be another process's by now, so that the lock itself is asked.
 *
 * @throws AwgError("permission") naming the file where it cannot be opened, such as a link.
 */
export function lockHolder(path: string): LockingProcess | undefined {
  let fd: number;
  try {
    // Open for writing too, for NFS takes an flock of no other file.
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (isCode(cause, "ENOENT") || isCode(cause, "EROFS")) return undefined;
    const exhausted = outOfOpenFiles(`the lock file ${path}`, cause);
    if (exhausted !== undefined) throw exhausted;
    throw new AwgError("permission", `the lock file ${path} could not be opened: ${messageOf(cause)}`, {
      cause,
      facts: { path },
      remedy: "move it away",
    });
  }
  try {
    const holder = readHolder(fd);
    const isHeld = holder !== undefined && isAlive(holder.pid) && !tryLockFile(fd);
    return isHeld ? lockingProcess(holder) : undefined;
  } finally {
    // What was taken by asking goes with it; who takes the lock meanwhile looks again (lock.ts).
    closeSync(fd);
  }
}

/** The name of another pid namespace's process says nothing here. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}
