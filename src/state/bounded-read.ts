import { readSync } from "node:fs";

/** More than keys and most configurations have. */
const FIRST_BYTES = 8192;

/**
 * Reads a whole open file; undefined if it has more than `most` bytes. The size is not trusted: files in /proc report 0
 * and may not end.
 */
export function readAtMost(descriptor: number, most: number): Buffer | undefined {
  let bytes = Buffer.alloc(FIRST_BYTES);
  let length = 0;
  for (let count = -1; count !== 0 && length <= most; length += count) {
    // Some files in /proc require reads of whole words, so no read is limited to the rest of `most`.
    if (length === bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
    count = readSync(descriptor, bytes, length, bytes.length - length, null);
  }
  return length > most ? undefined : bytes.subarray(0, length);
}
