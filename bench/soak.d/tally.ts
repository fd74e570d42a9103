/** What came of datagrams that are numbered from 0. */
export interface Tally {
  /** How many different numbers came. */
  readonly received: number;
  /** Came again. */
  readonly doubled: number;
  /** Came after a higher number. */
  readonly late: number;
  /** The longest time between two that came, in milliseconds. */
  readonly longestGapMs: number;
}

/** Counts datagrams by their numbers, one bit each, so that "lost" is what was sent less what came, whatever the order. */
export class Counter {
  readonly #seen: Uint8Array;
  #received = 0;
  #doubled = 0;
  #late = 0;
  #highest = -1;
  #longestGapMs = 0;
  #lastMs = Number.NaN;

  /** `most`: numbers are below this; another one throws a RangeError. */
  constructor(most: number) {
    this.#seen = new Uint8Array(Math.ceil(most / 8));
  }

  add(number: number, nowMs: number): void {
    const [byte, bit] = [number >>> 3, 1 << (number & 7)];
    const known = this.#seen[byte];
    if (known === undefined) throw new RangeError(`number ${number} was never sent`);
    if (nowMs - this.#lastMs > this.#longestGapMs) this.#longestGapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if ((known & bit) !== 0) {
      this.#doubled += 1;
      return;
    }
    this.#seen[byte] = known | bit;
    this.#received += 1;
    if (number < this.#highest) this.#late += 1;
    else this.#highest = number;
  }

  get tally(): Tally {
    const [received, doubled, late, longestGapMs] = [this.#received, this.#doubled, this.#late, this.#longestGapMs];
    return { received, doubled, late, longestGapMs };
  }
}
