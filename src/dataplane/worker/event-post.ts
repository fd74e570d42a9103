import type { PlaneEvent } from "../contract.ts";

/** What peers do is told at once after a pause as long as this, else together at its end. */
const GATHER_MS = 1000;

/**
 * Events on their way to the other thread. Each message wakes that thread, which on a server that answers hundreds of
 * handshakes a second cost as much as a fifth of the handshakes themselves (measured); so what peers do is gathered. All
 * else is told at once, after what was gathered before it.
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

  add(event: PlaneEvent): void {
    this.#gathered.push(event);
    if (!("publicKey" in event)) this.postAll();
  }

  /** To be called at least as often as events are to be told. */
  postDue(): void {
    if (this.#gathered.length > 0 && this.#bootTimeMs() - this.#postedAt >= GATHER_MS) this.postAll();
  }

  postAll(): void {
    if (this.#gathered.length === 0) return;
    this.#post(this.#gathered);
    this.#gathered = [];
    this.#postedAt = this.#bootTimeMs();
  }
}
