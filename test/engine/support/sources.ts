import type { Sources, UnixTime } from "../../../src/engine/sources.ts";

/** A seeded generator (xorshift128) and a wall clock that follows a virtual one: the same seed, the same run. */
export class SeededSources implements Sources {
  #state: Uint32Array;
  /** Seconds since 1970, set by the test. */
  wallSeconds = 1_790_000_000;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed >>> 0 || 1, 0x9e3779b9, seed ^ 0x85ebca6b, 0xc2b2ae35);
    for (let round = 0; round < 16; round += 1) this.word();
  }

  word(): number {
    const state = this.#state;
    const mixed = (state[3] as number) ^ ((state[3] as number) << 11);
    state[3] = state[2] as number;
    state[2] = state[1] as number;
    state[1] = state[0] as number;
    state[0] = (mixed ^ (mixed >>> 8) ^ (state[0] as number) ^ ((state[0] as number) >>> 19)) >>> 0;
    return state[0] as number;
  }

  fillRandom(into: Uint8Array): void {
    for (let index = 0; index < into.length; index += 1) into[index] = this.word() >>> 7;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return this.word() % bound;
  }

  unixTime(): UnixTime {
    return { seconds: Math.floor(this.wallSeconds), nanoseconds: Math.floor((this.wallSeconds % 1) * 1e9) };
  }
}
