/** Handshake messages per second above which sources must prove their address. */
const LIMIT = 500;
const WINDOW_MS = 1000;

/**
 * Detects handshake load in this or the previous second, from the total number of handshakes so far. Messages that are
 * not handshakes, or not for us, do not count.
 */
export class HandshakeLoad {
  #since = Number.NEGATIVE_INFINITY;
  #before = 0;
  #lastCount = 0;

  /** @param handshakes handshake messages with a valid mac1 since the start */
  isHigh(handshakes: number, now: number): boolean {
    const age = now - this.#since;
    if (age >= WINDOW_MS) {
      this.#lastCount = age < 2 * WINDOW_MS ? handshakes - this.#before : 0;
      this.#since = now;
      this.#before = handshakes;
    }
    return handshakes - this.#before > LIMIT || this.#lastCount > LIMIT;
  }
}
