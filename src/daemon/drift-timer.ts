import { DEFAULT_RECONCILE_INTERVALS, type ReconcileIntervals } from "./reconcile-intervals.ts";
import type { setTimer } from "./timers.ts";

/** The loop's intervals, with the drift timer that follows them. A changed interval starts at once. */
export class DriftTimer implements Disposable {
  readonly #onDue: () => void;
  readonly #setTimer: typeof setTimer;
  #intervals = DEFAULT_RECONCILE_INTERVALS;
  #timer: Disposable;

  constructor(onDue: () => void, timer: typeof setTimer) {
    this.#onDue = onDue;
    this.#setTimer = timer;
    this.#timer = this.#wait();
  }

  get intervals(): ReconcileIntervals {
    return this.#intervals;
  }

  /** Adopts the intervals of a configuration; undefined changes nothing. */
  follow(intervals: ReconcileIntervals | undefined): void {
    const isOther = intervals !== undefined && intervals.driftEveryMs !== this.#intervals.driftEveryMs;
    this.#intervals = intervals ?? this.#intervals;
    if (!isOther) return;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#wait();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #wait(): Disposable {
    return this.#setTimer(this.#intervals.driftEveryMs, () => {
      this.#timer = this.#wait();
      this.#onDue();
    });
  }
}
