import { type Endpoint, sameAddress } from "../../engine/endpoint.ts";
import type { RouteInfo } from "../../native/packet-system.ts";

/** How long a route of an endpoint in use is cached. */
const LOOK_MS = 1000;
/** IPv4 or IPv6 header and UDP header. */
const OUTER_BYTES = { four: 28, six: 48 } as const;
const UNLIMITED = 65_535;

interface Known {
  lookedAtMs: number;
  /** The largest UDP payload that leaves in one piece. */
  payloadBytes: number;
  /** Whether the kernel would use another source address than the one the peer sent to. */
  overridesSource: boolean;
  isSourceRefused: boolean;
}

/**
 * The kernel's routes to a tunnel's endpoints in use, refreshed each second. They give the largest datagram, and
 * whether the source address must be set: the host may have several, and the route may prefer another than the one the
 * peer sent to.
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

  /** The source address to set; undefined: leave the choice to the kernel. */
  sourceFor(to: Endpoint): Uint8Array | undefined {
    return to.local !== undefined && this.#of(to).overridesSource ? to.local : undefined;
  }

  /** The source address for a reply to an unauthenticated source: the address it sent to. No route is looked up. */
  sourceForUnauthenticated(to: Endpoint): Uint8Array | undefined {
    return to.scope === 0 ? to.local : undefined;
  }

  /** Notes that the kernel refused the source address: it is no longer ours. */
  refuseSource(to: Endpoint): void {
    const known = this.#of(to);
    known.isSourceRefused = true;
    known.overridesSource = false;
  }

  /** Clears the cache, after a change of sockets or a datagram that was too large. */
  forget(): void {
    this.#known = new WeakMap();
    this.#lastEndpoint = undefined;
  }

  #of(to: Endpoint): Known {
    const isLast = to === this.#lastEndpoint;
    let known = isLast ? this.#last : this.#known.get(to);
    if (known === undefined) {
      known = {
        lookedAtMs: Number.NEGATIVE_INFINITY,
        payloadBytes: UNLIMITED,
        overridesSource: false,
        isSourceRefused: false,
      };
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
    // The scope of a link-local peer already selects its interface.
    const isOther = to.local !== undefined && route.source !== undefined && !sameAddress(to.local, route.source);
    known.overridesSource = isOther && !known.isSourceRefused && to.scope === 0;
  }
}
