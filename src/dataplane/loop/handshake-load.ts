/** Handshake messages in a second above which sources must prove their address. */
const LIMIT = 500;
const WINDOW_MS = 1000;

/**
 * Whether more handshakes are asked for than are worth their Diffie-Hellman to anybody who asks: in this second or in the
 * one before it. Told how many there have been so far; what is no handshake, or not for us, is no load.
 */
export class HandshakeLoad {
  #since = Number.NEGATIVE_INFINITY;
  #before = 0;
  #lastCount = 0;

  /** @param handshakes handshake messages with a right first mac, since the beginning */
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
