import { STRANGERS_PER_SECOND } from "../constants.ts";
import type { Endpoint } from "../endpoint.ts";
import { sourceKey } from "./rate-limiter.ts";

const SECOND_MS = 1000;

/**
 * Limits initiations from sources without proof of their address: those of known peers pass, others only so many a
 * second. Peers' addresses are collected once a second and only on demand, so a flood costs one set lookup each.
 */
export class UnauthenticatedSources {
  #served = 0;
  #since = Number.NEGATIVE_INFINITY;
  #known = new Set<string>();

  /** Whether an initiation from the address may be served now; counts it if no known peer has the address. */
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
