import { type Endpoint, sameAddress } from "../../engine/endpoint.ts";
import type { RouteInfo } from "../../native/packet-system.ts";

/** How often the kernel is asked for its route to an endpoint that is sent to. */
const LOOK_MS = 1000;
/** IPv4 or IPv6 header and UDP header. */
const OUTER_BYTES = { four: 28, six: 48 } as const;
const UNLIMITED = 65_535;

interface Known {
  lookedAtMs: number;
  /** The largest UDP payload that leaves in one piece. */
  payloadBytes: number;
  /** Whether the kernel would send from another address than the one that was spoken to. */
  sticks: boolean;
  isSourceRefused: boolean;
}

/**
 * What the kernel knows of the routes to a tunnel's endpoints, asked anew each second for those in use: how large a datagram
 * may be, and whether an answer must be told its source address, because the host has several and the peer spoke to
 * another than the one that its route would give.
 */
export class RouteCache {
  /** The loop's clock, set before every turn. */
  now = 0;
  readonly #read: (to: Endpoint) => RouteInfo | undefined;
  #known = new WeakMap<Endpoint, Known>();
  #lastEndpoint: Endpoint | undefined;
  #last: Known | undefined;

  constructor(read: (to: Endpoint) => RouteInfo | undefined) {
    this.#read = read;
  }

  /** The largest UDP payload that leaves in one piece. */
  payloadBytes(to: Endpoint): number {
    return this.#of(to).payloadBytes;
  }

  /** The address to send from; undefined: the kernel's choice is right, or nobody knows better. */
  sourceFor(to: Endpoint): Uint8Array | undefined {
    return to.local !== undefined && this.#of(to).sticks ? to.local : undefined;
  }

  /** The address to send from to one who has proved nothing: the one that was spoken to. The kernel is not asked for its route. */
  sourceForUnauthenticated(to: Endpoint): Uint8Array | undefined {
    return to.scope === 0 ? to.local : undefined;
  }

  /** The kernel did not take the source address: it is no longer ours. */
  refuseSource(to: Endpoint): void {
    const known = this.#of(to);
    known.isSourceRefused = true;
    known.sticks = false;
  }

  /** Other sockets, or something did not fit: everything is looked at anew. */
  forget(): void {
    this.#known = new WeakMap();
    this.#lastEndpoint = undefined;
  }

  #of(to: Endpoint): Known {
    const isLast = to === this.#lastEndpoint;
    let known = isLast ? this.#last : this.#known.get(to);
    if (known === undefined) {
      known = { lookedAtMs: Number.NEGATIVE_INFINITY, payloadBytes: UNLIMITED, sticks: false, isSourceRefused: false };
      this.#known.set(to, known);
    }
    if (!isLast) {
      this.#lastEndpoint = to;
      this.#last = known;
    }
    if (this.now - known.lookedAtMs >= LOOK_MS) this.#look(to, known);
    return known;
  }

  #look(to: Endpoint, known: Known): void {
    known.lookedAtMs = this.now;
    const route = this.#read(to);
    if (route === undefined) return;
    known.payloadBytes = route.mtuBytes - (to.address.length === 4 ? OUTER_BYTES.four : OUTER_BYTES.six);
    // The address of a link-local peer says its interface already.
    const isOther = to.local !== undefined && route.source !== undefined && !sameAddress(to.local, route.source);
    known.sticks = isOther && !known.isSourceRefused && to.scope === 0;
  }
}
