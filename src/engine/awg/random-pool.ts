import type { Sources } from "../sources.ts";

/** Random words drawn at once: one call of the generator allocates, and serves thousands of packets. */
const POOL_WORDS = 8192;

/** Random numbers without an allocation each, for every packet: padding, type word, length. */
export class RandomPool {
  readonly #sources: Sources;
  readonly #words = new Int32Array(POOL_WORDS);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #next = POOL_WORDS;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** 32 random bits; never returned twice. */
  word(): number {
    return this.#draw() >>> 0;
  }

  /** The same as a signed number: V8 allocates for results from 2^31 on. */
  #draw(): number {
    if (this.#next === POOL_WORDS) {
      this.#sources.fillRandom(this.#bytes);
      this.#next = 0;
    }
    const word = this.#words[this.#next] as number;
    this.#words[this.#next] = 0;
    this.#next += 1;
    return word;
  }

  /** A uniform whole number in `low..high`, both included; `low` if the range is empty. The span is at most 2^32. */
  between(low: number, high: number): number {
    const span = high - low + 1;
    if (span <= 1) return low;
    const limit = 2 ** 32 - (2 ** 32 % span);
    let word = this.#draw() >>> 0;
    while (word >= limit) word = this.#draw() >>> 0;
    return low + (word % span);
  }

  /** Fills `length` bytes at `offset`. */
  fill(view: DataView, offset: number, length: number): void {
    const whole = length & ~3;
    for (let at = 0; at < whole; at += 4) view.setInt32(offset + at, this.#draw(), true);
    if (whole === length) return;
    let word = this.#draw();
    for (let at = whole; at < length; at += 1) {
      view.setUint8(offset + at, word & 0xff);
      word >>>= 8;
    }
  }

  /** New random bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.fill(new DataView(bytes.buffer), 0, length);
    return bytes;
  }
}
