import { closeSync, constants, openSync } from "node:fs";
import { AwgError, messageOf } from "../model/error.ts";
import { outOfOpenFiles } from "../model/write-error.ts";
import { tryLockFile } from "../native/linux/process/file-lock.ffi.ts";
import { type LockHolder, type LockingProcess, lockingProcess, readHolder, takeLock } from "./lock.ts";
import { isCode } from "./state-folder.ts";

/** The lock of all processes that change the host. */
export interface WritersLock {
  /** Takes it without waiting; AwgError locked, naming the holder, when another process has it. */
  take(holder: LockHolder): Disposable;
  /** The holder, where it can be determined; does not take the lock. */
  holder(): LockingProcess | undefined;
}

/** The lock as a separate file. */
export function fileLock(path: string): WritersLock {
  return { take: (holder) => takeLock(path, holder), holder: () => lockHolder(path) };
}

/**
 * The current holder of the lock, for verbs that only read; undefined when it is free. A killed holder's name remains
 * in the file, and its pid may be reused, so the lock itself is tested.
 *
 * @throws AwgError("permission") naming the file where it cannot be opened, such as a link.
 */
export function lockHolder(path: string): LockingProcess | undefined {
  let fd: number;
  try {
    // Opened for writing too: NFS requires that for flock.
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
    // Closing the descriptor releases a lock taken by the test; a process that takes the lock meanwhile tries again
    // (lock.ts).
    closeSync(fd);
  }
}

/** A pid of another pid namespace has no meaning here. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}
