import type { Endpoint } from "../../engine/endpoint.ts";
import { readSocketAddress } from "../../native/linux/packet-io/socket-address.codec.ts";

const ENTRIES = 1024;
const WORDS = 7;
/** Family 2 in the low half of the first word: four words say all (ip(7)). */
const FOUR_WORDS = 2;

/**
 * Socket addresses as the engine's endpoints: the same object for the same address, as long as its place in the table is
 * not taken by another, so that nothing is allocated and identity is a quick test.
 */
export class SourceCache {
  readonly #words = new Int32Array(ENTRIES * WORDS);
  readonly #endpoints = new Array<Endpoint | undefined>(ENTRIES);

  /** The endpoint of the socket address at `at`. */
  endpointAt(view: DataView, at: number): Endpoint {
    const four = view.getUint16(at, true) === 2;
    const count = four ? FOUR_WORDS : WORDS;
    let hash = 0;
    for (let index = 0; index < count; index += 1)
      hash = Math.imul(hash ^ view.getInt32(at + 4 * index, true), 0x01000193);
    const entry = ((hash >>> 16) ^ hash) & (ENTRIES - 1);
    const known = this.#endpoints[entry];
    if (known !== undefined && this.#isAt(view, at, entry, count)) return known;
    for (let index = 0; index < WORDS; index += 1) {
      this.#words[entry * WORDS + index] = index < count ? view.getInt32(at + 4 * index, true) : 0;
    }
    const made = readSocketAddress(view, at);
    this.#endpoints[entry] = made;
    return made;
  }

  #isAt(view: DataView, at: number, entry: number, count: number): boolean {
    for (let index = 0; index < count; index += 1) {
      if (this.#words[entry * WORDS + index] !== view.getInt32(at + 4 * index, true)) return false;
    }
    return true;
  }
}
