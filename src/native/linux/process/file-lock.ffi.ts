import { errnoError, errnoName } from "../errno.ts";
import { callLibc, lastErrno } from "../libc.ffi.ts";

/** EWOULDBLOCK of Linux, and of macOS, where flock(2) and its operations are the same. */
const HELD_BY_ANOTHER: readonly number[] = [11, 35];
const LOCK = { exclusive: 2, nonBlocking: 4, unlock: 8 } as const;

/**
 * Takes the exclusive flock of an open file without waiting: true on success, false when another open file holds it.
 * The kernel releases it when the last copy of the descriptor is closed, so also when the process dies.
 *
 * @throws AwgError("host") when the filesystem does not support locks.
 */
export function tryLockFile(fd: number): boolean {
  while (callLibc("flock", fd, LOCK.exclusive | LOCK.nonBlocking) === -1) {
    const errno = lastErrno();
    if (HELD_BY_ANOTHER.includes(errno)) return false;
    if (errnoName(errno) !== "EINTR") throw errnoError("locking a file", errno);
  }
  return true;
}

/** Releases the lock. */
export function unlockFile(fd: number): void {
  callLibc("flock", fd, LOCK.unlock);
}
