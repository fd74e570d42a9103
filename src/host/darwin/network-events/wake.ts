/** Sleep that is so long that peers have forgotten us, and other networks may be around (mission: dark wake). */
const LONG_SLEEP_MS = 600_000;
/** How far the wall clock may run from the steady one between two looks before it was set. */
const TOLERANCE_MS = 1_500;

/** When the machine last went to sleep and woke (kern.sleeptime, kern.waketime), and the clocks now; milliseconds. */
export interface SleepReading {
  readonly sleptAtMs: number;
  readonly wokeAtMs: number;
  readonly wallMs: number;
  readonly steadyMs: number;
}

/** A wake of the machine or a jump of its clock. */
export interface Wake {
  readonly what: string;
  /** Tunnels should begin anew. */
  readonly renumbered: boolean;
}

/**
 * What happened between two looks. A short sleep, and the dark wakes in which macOS stays up for less than a minute
 * without anybody there, only ask for a look; after ten minutes tunnels begin anew. Pure.
 */
export function wakeBetween(before: SleepReading, now: SleepReading): Wake | undefined {
  if (now.wokeAtMs !== before.wokeAtMs && now.wokeAtMs > 0) {
    const sleptMs = Math.max(0, now.wokeAtMs - now.sleptAtMs);
    return { what: `woke up after ${Math.round(sleptMs / 1000)} s of sleep`, renumbered: sleptMs >= LONG_SLEEP_MS };
  }
  const jumpedMs = now.wallMs - before.wallMs - (now.steadyMs - before.steadyMs);
  if (Math.abs(jumpedMs) <= TOLERANCE_MS) return undefined;
  return { what: `the wall clock jumped by ${Math.round(jumpedMs / 1000)} s`, renumbered: jumpedMs >= LONG_SLEEP_MS };
}
