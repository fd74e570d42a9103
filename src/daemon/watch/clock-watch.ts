import { repeat } from "../timers.ts";

const LOOK_MS = 1_000;
/** How far two clocks may drift apart between two looks before it is a jump. */
const TOLERANCE_MS = 1_500;

/** Three clocks read at one time, in milliseconds. */
export interface ClockReading {
  /** Stops while the host sleeps (CLOCK_MONOTONIC). */
  readonly awakeMs: number;
  /** Goes on while it sleeps (CLOCK_BOOTTIME). */
  readonly bootMs: number;
  readonly wallMs: number;
}

/** Clock events between two looks; undefined if there are none. Pure. */
export function clockEvent(before: ClockReading, now: ClockReading): string | undefined {
  const awake = now.awakeMs - before.awakeMs;
  const slept = now.bootMs - before.bootMs - awake;
  const jumped = now.wallMs - before.wallMs - (now.bootMs - before.bootMs);
  if (slept > TOLERANCE_MS) return `woke up after ${Math.round(slept / 1000)} s of sleep`;
  if (Math.abs(jumped) > TOLERANCE_MS) return `the wall clock jumped by ${Math.round(jumped / 1000)} s`;
  return undefined;
}

/** Reports that the host slept or that its wall clock jumped, by comparing three clocks each second. */
export function watchClocks(readClocks: () => ClockReading, onEvent: (what: string) => void): Disposable {
  let before = readClocks();
  return repeat(
    () => LOOK_MS,
    () => {
      const now = readClocks();
      const what = clockEvent(before, now);
      before = now;
      if (what !== undefined) onEvent(what);
    },
  );
}
