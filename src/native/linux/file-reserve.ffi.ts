import { errnoError } from "./errno.ts";
import { callLibc, lastErrno } from "./libc.ffi.ts";

/** FALLOC_FL_KEEP_SIZE (fallocate(2)): the file stays as long as it is. */
const KEEP_SIZE = 1;

/**
 * Takes disk blocks for the first bytes of a file, beyond its end too, so that writing them takes no more. Linux.
 *
 * @throws AwgError("host") where the disk is full, or the file system knows no such blocks.
 */
export function allocateBlocks(fd: number, bytes: number): void {
  if (callLibc("fallocate", fd, KEEP_SIZE, 0n, BigInt(bytes)) === -1)
    throw errnoError("taking blocks for a file", lastErrno());
}
