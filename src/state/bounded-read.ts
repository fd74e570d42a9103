import { readSync } from "node:fs";

/** More than keys and most configurations have. */
const FIRST_BYTES = 8192;

/**
 * All that an open file holds; undefined where that is more than `most` bytes. Not even one that says it is empty is read
 * further: files in /proc say so and may not end.
 */
export function readAtMost(descriptor: number, most: number): Buffer | undefined {
  let bytes = Buffer.alloc(FIRST_BYTES);
  let length = 0;
  for (let count = -1; count !== 0 && length <= most; length += count) {
    // Some files in /proc take reads of whole words alone, so no read is cut to what is left of `most`.
    if (length === bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
    count = readSync(descriptor, bytes, length, bytes.length - length, null);
  }
  return length > most ? undefined : bytes.subarray(0, length);
}
