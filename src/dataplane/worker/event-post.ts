import type { PlaneEvent } from "../contract.ts";

/** Peer events are posted at once after a pause of this length, otherwise together at its end. */
const GATHER_MS = 1000;

/**
 * Posts events to the main thread. Each message wakes that thread, which on a server with hundreds of handshakes per
 * second cost up to a fifth of the handshakes (measured), so peer events are gathered. All other events are posted at
 * once, after the gathered ones.
 */
export class EventPost {
  readonly #post: (events: readonly PlaneEvent[]) => void;
  readonly #bootTimeMs: () => number;
  #gathered: PlaneEvent[] = [];
  #postedAt = Number.NEGATIVE_INFINITY;

  constructor(post: (events: readonly PlaneEvent[]) => void, bootTimeMs: () => number) {
    this.#post = post;
    this.#bootTimeMs = bootTimeMs;
  }

  /** Posts an event at once, or gathers it if it is of a peer. */
  add(event: PlaneEvent): void {
    this.#gathered.push(event);
    if (!("publicKey" in event)) this.postAll();
  }

  /** Posts due events; call it at least as often as events must be reported. */
  postDue(): void {
    if (this.#gathered.length > 0 && this.#bootTimeMs() - this.#postedAt >= GATHER_MS) this.postAll();
  }

  /** Posts what is gathered, due or not. */
  postAll(): void {
    if (this.#gathered.length === 0) return;
    this.#post(this.#gathered);
    this.#gathered = [];
    this.#postedAt = this.#bootTimeMs();
  }
}
