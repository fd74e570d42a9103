import type { Endpoint } from "../../engine/endpoint.ts";
import { mix } from "./source-cache.ts";

/** Bytes that wait in all. One source alone can fill half: 4,096 initiations of plain WireGuard. */
const CAPACITY_BYTES = 2 * 1024 * 1024;
/** The least that a datagram counts for: what storing it takes. */
const LEAST_COST_BYTES = 256;
/** An IPv6 source is its /64: one host has a whole /64 (as in Linux). */
const COUNTED_BYTES = 8;

/** A datagram that waits. */
export interface WaitingHandshake {
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
}

interface Source {
  readonly key: number;
  readonly waiting: WaitingHandshake[];
  /** The first of `waiting` that was not taken yet. */
  next: number;
  bytes: number;
  /** A datagram of this source was refused since its first one that waits. */
  crowded: boolean;
}

/**
 * Handshake messages between the socket and the engine: transport goes first, because a handshake costs as much time as
 * hundreds of packets. Bounded and fair: sources take turns, and a source may fill at most as much as is free (the
 * dynamic threshold of Choudhury and Hahne, 1998), so there is always room for another.
 */
export class HandshakeQueue {
  readonly #seed: number;
  readonly #sources = new Map<number, Source>();
  /** Sources with something that waits, the next to be served first; `#served` of them were taken off. */
  #turns: Source[] = [];
  #served = 0;
  #bytes = 0;
  /** No source more had room, as with forged addresses; until half is free again. */
  #isFull = false;

  /** @param seed any 32 bits, so that no sender can choose addresses that count as one */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Queues a copy; false if its source has its share waiting, or nothing is free. */
  add(datagram: Uint8Array, from: Endpoint): boolean {
    const key = this.#keyOf(from.address);
    const known = this.#sources.get(key);
    const cost = costOf(datagram);
    if ((known?.bytes ?? 0) + cost > CAPACITY_BYTES - this.#bytes) {
      if (known === undefined) this.#isFull = true;
      else known.crowded = true;
      return false;
    }
    const source = known ?? { key, waiting: [], next: 0, bytes: 0, crowded: false };
    if (known === undefined) {
      this.#sources.set(key, source);
      this.#turns.push(source);
    }
    source.waiting.push({ datagram: new Uint8Array(datagram), from });
    source.bytes += cost;
    this.#bytes += cost;
    return true;
  }

  /**
   * Passes the oldest datagram of the next source to `take`; false if none waits. `isCrowded`: this source sent more
   * than its share, or there were more sources than there is room for.
   */
  serve(take: (handshake: WaitingHandshake, isCrowded: boolean) => void): boolean {
    const source = this.#turns[this.#served];
    const handshake = source?.waiting[source.next];
    if (source === undefined || handshake === undefined) return false;
    this.#served += 1;
    source.next += 1;
    const isCrowded = source.crowded || this.#isFull;
    const cost = costOf(handshake.datagram);
    source.bytes -= cost;
    this.#bytes -= cost;
    if (this.#bytes < CAPACITY_BYTES / 2) this.#isFull = false;
    if (source.next === source.waiting.length) this.#sources.delete(source.key);
    else this.#turns.push(source);
    this.#tidy(source);
    take(handshake, isCrowded);
    return true;
  }

  /** Frees what was taken once it is half of an array, so that taking costs a constant time. */
  #tidy(source: Source): void {
    if (source.next > 32 && source.next * 2 > source.waiting.length) {
      source.waiting.splice(0, source.next);
      source.next = 0;
    }
    if (this.#served > 32 && this.#served * 2 > this.#turns.length) {
      this.#turns.splice(0, this.#served);
      this.#served = 0;
    }
  }

  #keyOf(address: Uint8Array): number {
    let key = mix(this.#seed, address.length);
    for (let at = 0; at < Math.min(address.length, COUNTED_BYTES); at += 4) {
      const [a = 0, b = 0, c = 0, d = 0] = address.subarray(at, at + 4);
      key = mix(key, a | (b << 8) | (c << 16) | (d << 24));
    }
    return key;
  }
}

function costOf(datagram: Uint8Array): number {
  return Math.max(LEAST_COST_BYTES, datagram.length);
}
