import { errnoError } from "./errno.ts";
import { callLibc, lastErrno } from "./libc.ffi.ts";

/** FALLOC_FL_KEEP_SIZE (fallocate(2)): the file's size does not change. */
const KEEP_SIZE = 1;

/**
 * Allocates disk blocks for the first bytes of a file, even beyond its end, so that writing them cannot fail for space.
 * Linux.
 *
 * @throws AwgError("host") where the disk is full, or the file system does not support it.
 */
export function allocateBlocks(fd: number, bytes: number): void {
  if (callLibc("fallocate", fd, KEEP_SIZE, 0n, BigInt(bytes)) === -1)
    throw errnoError("allocating blocks for a file", lastErrno());
}
