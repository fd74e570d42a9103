import { type DaemonEvent, FROM_THE_OLDEST } from "../../api/daemon-lines.ts";

/** Events that a client may have missed and still get. */
const KEPT = 256;

/** One event with its place in the sequence. */
export interface PlacedEvent {
  readonly place: string;
  readonly event: DaemonEvent;
}

/**
 * The latest events of this daemon, numbered. A place names the daemon and the number, so that a place of an earlier
 * daemon is not mistaken for one of this.
 */
export class EventLog {
  readonly #daemon: string;
  #last = 0;
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
    this.#kept = [...this.#kept.slice(1 - KEPT), placed];
    return placed;
  }

  /** The events after this place; undefined if some of them are no longer kept, or the place is not of this daemon. */
  after(place: string): readonly PlacedEvent[] | undefined {
    if (place === FROM_THE_OLDEST) return this.#kept;
    if (place === this.place) return [];
    const found = this.#kept.findIndex((one) => one.place === place);
    return found === -1 ? undefined : this.#kept.slice(found + 1);
  }
}
