import { RATE_LIMIT_ADDRESSES, RATE_LIMIT_BURST, RATE_LIMIT_PER_SECOND } from "../constants.ts";

interface Bucket {
  tokens: number;
  filledAt: number;
}

const MS_PER_TOKEN = 1000 / RATE_LIMIT_PER_SECOND;
/** After this long without a message a bucket is full again and can be dropped. */
const FULL_AGAIN_MS = RATE_LIMIT_BURST * MS_PER_TOKEN;
/** An IPv6 source is counted by its /64: one host has a whole /64 (as in Linux). */
const V6_COUNTED_BYTES = 8;

/**
 * Allows 20 handshake messages a second per source, five at once (Linux ratelimiter.c). Bounded: the address silent
 * longest is dropped, so a flood from many addresses uses constant memory.
 */
export class RateLimiter {
  #buckets = new Map<string, Bucket>();

  /** Whether this source may be served now; if so, uses a token. */
  allow(address: Uint8Array, now: number): boolean {
    const key = sourceKey(address);
    const bucket = this.#buckets.get(key) ?? { tokens: RATE_LIMIT_BURST, filledAt: now };
    const earned = (now - bucket.filledAt) / MS_PER_TOKEN;
    bucket.tokens = Math.min(RATE_LIMIT_BURST, bucket.tokens + earned);
    bucket.filledAt = now;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#evict(now);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #evict(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.filledAt < FULL_AGAIN_MS && this.#buckets.size <= RATE_LIMIT_ADDRESSES) return;
      this.#buckets.delete(key);
    }
  }
}

/** The source that an address counts as. */
export function sourceKey(address: Uint8Array): string {
  const counted = address.length === 4 ? address : address.subarray(0, V6_COUNTED_BYTES);
  return String.fromCharCode(...counted);
}
