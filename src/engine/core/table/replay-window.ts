import { REJECT_AFTER_MESSAGES, REPLAY_WINDOW } from "../../constants.ts";

const WORDS = 256;
const WORD_BITS = 32;

/**
 * The seen counters of a session: a ring of 8192 bits (RFC 6479) with the newest counter at its head. The window is one
 * 64-bit word shorter, so that words are cleared as a whole. Counters are exact numbers below 2^53.
 */
export class ReplayWindow {
  #bits = new Uint32Array(WORDS);
  #newest = -1;
  #accepted = 0;

  /** How many counters there were up to the newest, and how many arrived: the others are lost or late. */
  get arrivals(): { readonly expected: number; readonly accepted: number } {
    return { expected: this.#newest + 1, accepted: this.#accepted };
  }

  /** Whether the counter is new: not seen, not too old, not past the end of the session. */
  isNew(counter: number): boolean {
    if (counter >= REJECT_AFTER_MESSAGES) return false;
    if (counter > this.#newest) return true;
    if (this.#newest - counter > REPLAY_WINDOW) return false;
    return ((this.#bits[wordOf(counter)] as number) & (1 << (counter & (WORD_BITS - 1)))) === 0;
  }

  /** Marks an authenticated counter; false when it was not new. */
  accept(counter: number): boolean {
    if (!this.isNew(counter)) return false;
    if (counter > this.#newest) this.#moveTo(counter);
    const word = wordOf(counter);
    this.#bits[word] = (this.#bits[word] as number) | (1 << (counter & (WORD_BITS - 1)));
    this.#accepted += 1;
    return true;
  }

  #moveTo(counter: number): void {
    const from = Math.floor(this.#newest / WORD_BITS);
    const to = Math.floor(counter / WORD_BITS);
    const words = Math.min(to - from, WORDS);
    for (let step = 0; step < words; step += 1) this.#bits[(to - step) & (WORDS - 1)] = 0;
    this.#newest = counter;
  }
}

function wordOf(counter: number): number {
  return Math.floor(counter / WORD_BITS) & (WORDS - 1);
}
