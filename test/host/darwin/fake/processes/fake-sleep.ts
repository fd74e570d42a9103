/**
 * When a Mac slept, as its kernel notes it (IOPMrootDomain.cpp of xnu): the wall clock at the last sleep and the last wake,
 * dark or not, and by its uptime, which stands still in sleep, the last wake and when its user last became active.
 */
export class FakeSleep {
  /** 0 while it never slept. */
  sleptAtMs = 0;
  wokeAtMs = 0;
  wokeAtTicks = 0n;
  userActiveAtTicks = 1n;
  #uptimeTicks = 1n;

  /** It sleeps and wakes; in a dark wake nobody is there. */
  pass(sleptAtMs: number, wokeAtMs: number, wake: "by its user" | "dark"): void {
    this.#uptimeTicks += 1_000n;
    [this.sleptAtMs, this.wokeAtMs, this.wokeAtTicks] = [sleptAtMs, wokeAtMs, this.#uptimeTicks];
    if (wake === "by its user") this.userComes();
  }

  userComes(): void {
    this.#uptimeTicks += 1_000n;
    this.userActiveAtTicks = this.#uptimeTicks;
  }
}
