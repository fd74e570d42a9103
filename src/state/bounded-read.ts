import { readSync } from "node:fs";

/**
 * All that an open file holds; undefined where that is more than `most` bytes. Not even one that says it is empty is read
 * further: files in /proc say so and may not end.
 */
export function readAtMost(descriptor: number, most: number): Buffer | undefined {
  // Some files in /proc take reads of whole words alone.
  const bytes = Buffer.alloc(most + 4096);
  let length = 0;
  for (let count = -1; count !== 0 && length <= most; length += count) {
    count = readSync(descriptor, bytes, length, bytes.length - length, null);
  }
  return length > most ? undefined : bytes.subarray(0, length);
}
