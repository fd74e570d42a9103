import type { Sources } from "../../src/engine/sources.ts";

/** Draws in the order in which a wire format makes them. */
export type Draw =
  /** Random bytes as they are to appear. */
  | { readonly bytes: Uint8Array }
  /** A number drawn uniformly from a range; a range of one value draws nothing. */
  | { readonly value: number; readonly low: number; readonly high: number };

/**
 * Sources whose random words make a wire format draw exactly these values, so that an encoder can be given padding,
 * header word and trailer. Whatever is drawn beyond the script is a pattern that no recorded datagram has.
 */
export function scriptedSources(draws: readonly Draw[], unixSeconds = 0): Sources {
  const words = draws.flatMap((draw) => ("bytes" in draw ? wordsOf(draw.bytes) : wordOf(draw)));
  return {
    fillRandom(into) {
      const view = new DataView(into.buffer, into.byteOffset, into.length);
      for (let at = 0; at + 4 <= into.length; at += 4) view.setUint32(at, words.shift() ?? 0xdeadbeef, true);
    },
    unixTime: () => ({ seconds: unixSeconds, nanoseconds: 0 }),
  };
}

function wordOf({ value, low, high }: { value: number; low: number; high: number }): number[] {
  return high > low ? [value - low] : [];
}

function wordsOf(bytes: Uint8Array): number[] {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  whole.set(bytes);
  const view = new DataView(whole.buffer);
  return Array.from({ length: whole.length / 4 }, (_, index) => view.getUint32(4 * index, true));
}
