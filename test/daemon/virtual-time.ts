/** Timers and clock that move only when told to. */
export class VirtualTime {
  nowMs = 0;
  #timers: { dueMs: number; onDue: () => void }[] = [];

  readonly setTimer = (ms: number, onDue: () => void): Disposable => {
    const timer = { dueMs: this.nowMs + ms, onDue };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
      },
    };
  };

  /** Lets so much time go by; what a timer begins has ended, but for real I/O, before the next one is due. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.onDue();
      await untilIdle();
    }
    this.nowMs = endMs;
    await untilIdle();
  }
}

/** All promises that can go on have gone on when the event loop comes round. */
async function untilIdle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
