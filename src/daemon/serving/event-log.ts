import { type DaemonEvent, FROM_THE_OLDEST } from "../../api/daemon-lines.ts";

/** Events that a client may have missed and still get. */
const KEPT = 256;

/** One event with its place in the sequence. */
export interface PlacedEvent {
  readonly place: string;
  readonly event: DaemonEvent;
}

/**
 * The latest events of this daemon, numbered; of the statuses the newest alone, which replaces the others. A place names the daemon and the number, so that a place of an earlier
 * daemon is not mistaken for one of this.
 */
export class EventLog {
  readonly #daemon: string;
  #last = 0;
  /** The number of the newest event that was dropped for lack of room. */
  #dropped = 0;
  #kept: readonly PlacedEvent[] = [];

  /** @param daemon differs from that of every earlier daemon */
  constructor(daemon: string) {
    this.#daemon = daemon;
  }

  /** The place of the latest event. */
  get place(): string {
    return `${this.#daemon}-${this.#last}`;
  }

  /** Keeps the event, in place of the oldest if it is full, and gives it its place. */
  add(event: DaemonEvent): PlacedEvent {
    this.#last += 1;
    const placed = { place: this.place, event };
    const others = event.type === "status" ? this.#kept.filter((one) => one.event.type !== "status") : this.#kept;
    const [oldest] = others;
    if (others.length >= KEPT && oldest !== undefined) this.#dropped = this.#numberOf(oldest.place);
    this.#kept = [...others.slice(1 - KEPT), placed];
    return placed;
  }

  /** The events after this place; undefined if some of them are no longer kept, or the place is not of this daemon. */
  after(place: string): readonly PlacedEvent[] | undefined {
    if (place === FROM_THE_OLDEST) return this.#kept;
    const number = this.#numberOf(place);
    if (!(number >= this.#dropped && number <= this.#last)) return undefined;
    return this.#kept.filter((one) => this.#numberOf(one.place) > number);
  }

  /** NaN for a place of another daemon. */
  #numberOf(place: string): number {
    return place.startsWith(`${this.#daemon}-`) ? Number(place.slice(this.#daemon.length + 1)) : Number.NaN;
  }
}
