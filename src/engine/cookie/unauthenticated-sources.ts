import { STRANGERS_PER_SECOND } from "../constants.ts";
import type { Endpoint } from "../endpoint.ts";
import { sourceKey } from "./rate-limiter.ts";

const SECOND_MS = 1000;

/**
 * Which addresses may be served that proved nothing: those where a peer is, and so many others a second. Where peers are
 * is looked up once a second and only when somebody asks, so that a flood costs the look-up in a set.
 */
export class UnauthenticatedSources {
  #served = 0;
  #since = Number.NEGATIVE_INFINITY;
  #known = new Set<string>();

  /** Whether an initiation from the address may be served now; counts it when it comes from nowhere known. */
  allow(address: Uint8Array, peers: Iterable<{ readonly endpoint: Endpoint | undefined }>, now: number): boolean {
    if (now - this.#since >= SECOND_MS) {
      this.#since = now;
      this.#served = 0;
      this.#known.clear();
      for (const { endpoint } of peers) if (endpoint !== undefined) this.#known.add(sourceKey(endpoint.address));
    }
    if (this.#known.has(sourceKey(address))) return true;
    this.#served += 1;
    return this.#served <= STRANGERS_PER_SECOND;
  }
}
