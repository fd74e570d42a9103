import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two looks while a client watches. */
const LOOK_EVERY_MS = 2_000;
/** A status of this age answers, too: any number of clients costs one look a second. */
const FRESH_MS = 1_000;
/** A look may take this part of the time: a host with hundreds of tunnels is read less often. */
const MOST_OF_TIME = 0.1;

/**
 * The status of the host for clients: read while a client watches, shared by all of them, never twice at once.
 */
export class StatusLook {
  readonly #read: () => Promise<unknown>;
  readonly #publish: (status: unknown) => void;
  #reading: Promise<unknown> | undefined;
  /** When it was read; infinite while it is being read. */
  #readMs = 0;
  #last = "";
  #watchers = 0;
  #ending = new AbortController();

  /** @param publish gets each status that differs from the one before */
  constructor(read: () => Promise<unknown>, publish: (status: unknown) => void) {
    this.#read = read;
    this.#publish = publish;
  }

  /** The status of this second; a look that is under way is shared. */
  now(): Promise<unknown> {
    if (this.#reading === undefined || performance.now() - this.#readMs > FRESH_MS) {
      this.#readMs = Number.POSITIVE_INFINITY;
      this.#reading = this.#read().then(
        (status) => {
          this.#readMs = performance.now();
          return status;
        },
        (error: unknown) => {
          this.#reading = undefined;
          throw error;
        },
      );
    }
    return this.#reading;
  }

  /** Reads on until it is disposed. */
  watch(): Disposable {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      this.#ending = new AbortController();
      void this.#follow(this.#ending.signal);
    }
    return {
      [Symbol.dispose]: () => {
        this.#watchers -= 1;
        if (this.#watchers === 0) this.#ending.abort();
      },
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      const status = await this.now().catch(() => undefined);
      const text = JSON.stringify(status);
      if (status !== undefined && text !== this.#last && !signal.aborted) {
        this.#last = text;
        this.#publish(status);
      }
      const pause = Math.max(LOOK_EVERY_MS, (performance.now() - began) / MOST_OF_TIME);
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
