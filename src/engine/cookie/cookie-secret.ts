import { COOKIE_REFRESH_TIME } from "../constants.ts";
import { type Crypto, KEY_BYTES } from "../crypto/crypto.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Sources } from "../sources.ts";

/**
 * The secret behind our cookies, replaced every two minutes (paper section 5.4.7). A cookie is a mac of the sender's
 * address and port under it, so no state is kept per sender.
 */
export class CookieSecret {
  #crypto: Crypto;
  #sources: Sources;
  #secret = new Uint8Array(KEY_BYTES);
  #madeAt = Number.NEGATIVE_INFINITY;

  constructor(crypto: Crypto, sources: Sources) {
    this.#crypto = crypto;
    this.#sources = sources;
  }

  /** The cookie of this sender at this time. */
  cookieFor(from: Endpoint, now: number): Uint8Array {
    if (now - this.#madeAt >= COOKIE_REFRESH_TIME) {
      this.#sources.fillRandom(this.#secret);
      this.#madeAt = now;
    }
    const source = new Uint8Array(from.address.length + 2);
    source.set(from.address);
    new DataView(source.buffer).setUint16(from.address.length, from.port);
    return this.#crypto.mac16(this.#secret, source);
  }

  wipe(): void {
    this.#crypto.wipe(this.#secret);
    this.#madeAt = Number.NEGATIVE_INFINITY;
  }
}
