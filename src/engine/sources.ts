/** External inputs of the engine: with the same inputs it always returns the same outputs. */
export interface Sources {
  /** Fills the whole array with bytes of a cryptographic generator. */
  fillRandom(into: Uint8Array): void;
  /** The wall clock, for the timestamp in a handshake initiation and for "last handshake" in status. */
  unixTime(): UnixTime;
}

/** A moment of the wall clock: whole seconds since 1970 and the nanoseconds within the second. */
export interface UnixTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** New random bytes. */
export function randomBytes(sources: Sources, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  sources.fillRandom(bytes);
  return bytes;
}

const WORD = new Uint8Array(4);
const WORD_VIEW = new DataView(WORD.buffer);

/** A random whole number of 32 bits. Allocates nothing. */
export function randomWord(sources: Sources): number {
  sources.fillRandom(WORD);
  return WORD_VIEW.getUint32(0, true);
}

/**
 * A uniform whole number in `low..high`, both included; the span is at most 2^32. Words that would favour small results
 * are drawn again.
 */
export function randomBetween(sources: Sources, low: number, high: number): number {
  const span = high - low + 1;
  if (span <= 1) return low;
  const limit = 2 ** 32 - (2 ** 32 % span);
  let word = randomWord(sources);
  while (word >= limit) word = randomWord(sources);
  return low + (word % span);
}
