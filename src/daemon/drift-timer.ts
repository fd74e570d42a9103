import { DEFAULT_RHYTHM, type Rhythm } from "./reconcile-intervals.ts";
import type { setTimer } from "./timers.ts";

/** The loop's rhythm, with the drift timer that follows it. A rhythm that changes counts from that moment. */
export class Pace implements Disposable {
  readonly #onDue: () => void;
  readonly #setTimer: typeof setTimer;
  #rhythm = DEFAULT_RHYTHM;
  #timer: Disposable;

  constructor(onDue: () => void, timer: typeof setTimer) {
    this.#onDue = onDue;
    this.#setTimer = timer;
    this.#timer = this.#wait();
  }

  get rhythm(): Rhythm {
    return this.#rhythm;
  }

  /** Takes on the rhythm that a configuration asks for; undefined, where none does, changes nothing. */
  follow(rhythm: Rhythm | undefined): void {
    const isOther = rhythm !== undefined && rhythm.driftEveryMs !== this.#rhythm.driftEveryMs;
    this.#rhythm = rhythm ?? this.#rhythm;
    if (!isOther) return;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#wait();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #wait(): Disposable {
    return this.#setTimer(this.#rhythm.driftEveryMs, () => {
      this.#timer = this.#wait();
      this.#onDue();
    });
  }
}
