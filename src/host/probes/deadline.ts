import { setTimeout as sleep } from "node:timers/promises";

/** Why a probe failed; undefined when it passed. */
export type Found = string | undefined;

const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 50;

/** The time limit of a probe. */
export class Deadline {
  readonly #seconds: number;
  readonly #begun = performance.now();

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** An equal share of the remaining time for one of several attempts. */
  share(attempts: number): Deadline {
    return attempts === 1 ? this : new Deadline(Math.max(0.05, this.leftMs / 1000 / attempts));
  }

  elapsedMs(): number {
    return Math.round(performance.now() - this.#begun);
  }

  get leftMs(): number {
    return this.#seconds * 1000 - (performance.now() - this.#begun);
  }

  /** The result text of a probe without an answer. */
  get tooLate(): string {
    return `no answer in ${Number(this.#seconds.toFixed(1))} s`;
  }

  /** Polls with growing pauses until `look` returns a value or the time is over. */
  async until<T>(look: () => T | undefined): Promise<T | undefined> {
    for (let waitMs = SHORTEST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const seen = look();
      if (seen !== undefined || this.leftMs <= 0) return seen;
      await sleep(Math.min(waitMs, Math.max(1, this.leftMs)));
    }
  }

  /** The result of work that cannot be cancelled; undefined when it takes too long. */
  async within<T>(work: Promise<T>): Promise<T | undefined> {
    const over = new AbortController();
    const late = sleep(Math.max(1, this.leftMs), undefined, { signal: over.signal }).catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      over.abort();
    }
  }
}
