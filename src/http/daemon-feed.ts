import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonLine, DaemonQuestion } from "../api/daemon-lines.ts";

/** Asks the daemon; the lines end, or throw, when it is gone. */
export type AskDaemon = (question: DaemonQuestion, signal?: AbortSignal) => AsyncIterable<DaemonLine>;

/** One event for the clients of the API, ready to be sent. */
export interface FeedEvent {
  readonly place: string;
  readonly name: "snapshot" | "vpn-status-changed" | "service-state-changed" | "daemon";
  readonly data: unknown;
}

export interface FeedSnapshot {
  /** Whether a daemon answers. */
  readonly available: boolean;
  /** The document of `awg status --json`; null until one was read. */
  readonly status: unknown;
}

const KEPT = 256;
const RECONNECT_MS = 3_000;
const UNKNOWN: FeedSnapshot = { available: false, status: null };

/**
 * What the daemon reports, for any number of clients, over one connection. It is connected while a client follows, and
 * again 3 s after it was lost.
 */
export class DaemonFeed {
  readonly #ask: AskDaemon;
  readonly #reconnectMs: number;
  readonly #name = Date.now().toString(36);
  readonly #followers = new Set<(event: FeedEvent) => void>();
  #kept: readonly FeedEvent[] = [];
  #count = 0;
  #last: FeedSnapshot = UNKNOWN;
  #known = Promise.withResolvers<void>();
  #isKnown = false;
  /** The daemon's place of the last line: events of the time without a follower are requested from there. */
  #seen: string | undefined;
  #ending: AbortController | undefined;

  /** @param reconnectMs how long it waits before it asks a lost daemon again */
  constructor(ask: AskDaemon, reconnectMs = RECONNECT_MS) {
    this.#ask = ask;
    this.#reconnectMs = reconnectMs;
  }

  /** The place of the latest event; another process never gives the same. */
  get place(): string {
    return `${this.#name}-${this.#count}`;
  }

  /** Resolves once `last` is of now: when the daemon answered, or did not. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  /** The latest snapshot; unavailable while the daemon does not answer. */
  get last(): FeedSnapshot {
    return this.#last;
  }

  /** Calls back with each event until it is disposed. */
  follow(onEvent: (event: FeedEvent) => void): Disposable {
    this.#followers.add(onEvent);
    if (this.#ending === undefined) {
      this.#ending = new AbortController();
      // What was known before the last client left is old.
      this.#last = UNKNOWN;
      this.#known = Promise.withResolvers();
      this.#isKnown = false;
      void this.#run(this.#ending.signal);
    }
    return {
      [Symbol.dispose]: () => {
        this.#followers.delete(onEvent);
        if (this.#followers.size > 0) return;
        this.#ending?.abort();
        this.#ending = undefined;
      },
    };
  }

  /** The events after a place; undefined if some are no longer kept. */
  after(place: string): readonly FeedEvent[] | undefined {
    if (place === this.place) return [];
    const found = this.#kept.findIndex((one) => one.place === place);
    return found === -1 ? undefined : this.#kept.slice(found + 1);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const after = this.#seen === undefined ? {} : { after: this.#seen };
        for await (const line of this.#ask({ id: 1, ask: "watch", ...after }, signal)) {
          if (signal.aborted) return;
          if ("place" in line) this.#seen = line.place;
          if ("caughtUp" in line && !this.#isKnown) await this.#readStatus(signal);
          else this.#take(line);
        }
      } catch {
        // Whatever ended it: the clients learn that the daemon is gone.
      }
      if (signal.aborted) return;
      this.#isKnown = false;
      if (this.#last.available || this.#count === 0) this.#setAvailable(false);
      this.#known.resolve();
      await sleep(this.#reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A watch that continues has no snapshot. */
  async #readStatus(signal: AbortSignal): Promise<void> {
    for await (const line of this.#ask({ id: 1, ask: "status" }, signal)) {
      if ("answer" in line) this.#begin(line.answer);
      return;
    }
  }

  #begin(status: unknown): void {
    this.#last = { available: this.#last.available, status };
    this.#setAvailable(true);
    this.#publish("vpn-status-changed", status);
    this.#isKnown = true;
    this.#known.resolve();
  }

  #take(line: DaemonLine): void {
    if ("snapshot" in line) this.#begin(line.snapshot.status);
    else if ("event" in line) {
      const { event } = line;
      if (event.type !== "status") this.#publish("daemon", event);
      else {
        const { status } = event as { readonly status?: unknown };
        this.#last = { available: true, status: status ?? null };
        this.#publish("vpn-status-changed", status);
      }
    }
  }

  #setAvailable(available: boolean): void {
    this.#last = { ...this.#last, available };
    this.#publish("service-state-changed", { available });
  }

  #publish(name: FeedEvent["name"], data: unknown): void {
    this.#count += 1;
    const event = { place: this.place, name, data };
    this.#kept = [...this.#kept.slice(1 - KEPT), event];
    for (const follower of this.#followers) follower(event);
  }
}
