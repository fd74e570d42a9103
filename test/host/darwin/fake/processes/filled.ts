/** Copies what fits, as the kernel does, and gives how much that was. */
export function fill(buffer: Uint8Array, bytes: Uint8Array): number {
  const count = Math.min(buffer.length, bytes.length);
  buffer.set(bytes.subarray(0, count));
  return count;
}

/** 32-bit numbers, least byte first. */
export function words(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setInt32(4 * index, number, true);
  return bytes;
}
