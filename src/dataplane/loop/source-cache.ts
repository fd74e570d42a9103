import type { Endpoint } from "../../engine/endpoint.ts";
import { readSocketAddress } from "../../native/linux/packet-io/socket-address.codec.ts";

const ENTRIES = 1024;
/** Words of a socket address, followed by those of the local destination address. */
const NAME_WORDS = 7;
const WORDS = NAME_WORDS + 4;
/** With family 2 in the low half of the first word, four words are enough (ip(7)). */
const FOUR_WORDS = 2;

/**
 * Maps socket addresses to endpoint objects: the same object for the same address until another address takes its slot.
 * So nothing is allocated, and identity is a quick comparison. A random seed decides which addresses share a slot, so
 * no sender can choose to evict another.
 */
export class SourceCache {
  readonly #seed: number;
  readonly #words = new Int32Array(ENTRIES * WORDS);
  readonly #endpoints = new Array<Endpoint | undefined>(ENTRIES);

  /** @param seed any 32 bits */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** The endpoint for the socket address at `at`, received on the address at `localAt`; -1: unknown. */
  endpointAt(view: DataView, at: number, localAt: number): Endpoint {
    const four = view.getUint16(at, true) === 2;
    const count = four ? FOUR_WORDS : NAME_WORDS;
    const locals = localAt < 0 ? 0 : four ? 1 : 4;
    let hash = this.#seed;
    if (locals > 0) hash = mix(hash, view.getInt32(localAt + 4 * (locals - 1), true));
    for (let index = 0; index < count; index += 1) hash = mix(hash, view.getInt32(at + 4 * index, true));
    const entry = hash & (ENTRIES - 1);
    const known = this.#endpoints[entry];
    const start = entry * WORDS;
    if (
      known !== undefined &&
      (known.local === undefined) === (locals === 0) &&
      this.#isAt(view, at, start, count) &&
      this.#isAt(view, localAt, start + NAME_WORDS, locals)
    )
      return known;
    this.#words.fill(0, start, start + WORDS);
    for (let index = 0; index < count; index += 1) this.#words[start + index] = view.getInt32(at + 4 * index, true);
    for (let index = 0; index < locals; index += 1)
      this.#words[start + NAME_WORDS + index] = view.getInt32(localAt + 4 * index, true);
    const made = readSocketAddress(view, at);
    const endpoint = locals === 0 ? made : { ...made, local: bytesAt(view, localAt, 4 * locals) };
    this.#endpoints[entry] = endpoint;
    return endpoint;
  }

  #isAt(view: DataView, at: number, start: number, count: number): boolean {
    for (let index = 0; index < count; index += 1) {
      if (this.#words[start + index] !== view.getInt32(at + 4 * index, true)) return false;
    }
    return true;
  }
}

/** The finalizer of MurmurHash3: every input bit affects every output bit. */
export function mix(hash: number, word: number): number {
  let mixed = Math.imul(hash ^ word, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function bytesAt(view: DataView, at: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => view.getUint8(at + index));
}
