/** After a sleep of this length peers have dropped our sessions, and other networks may be in range. */
const LONG_SLEEP_MS = 600_000;
/** A Mac in a dark wake sleeps again within this time, unless it serves others. */
const DARK_WAKE_MS = 60_000;
/** The wall clock counts as set when it differs from the monotonic clock by more than this between two checks. */
const TOLERANCE_MS = 1_500;

/** The last sleep and wake times (kern.sleeptime, kern.waketime), and the current clocks; milliseconds. */
export interface SleepReading {
  readonly sleptAtMs: number;
  readonly wokeAtMs: number;
  /** Whether a user has been active since the wake. */
  readonly isUserBack: boolean;
  readonly wallMs: number;
  readonly steadyMs: number;
}

/** The state between checks. */
export interface SleepState {
  readonly reading: SleepReading;
  /** Absent while the Mac is fully awake. */
  readonly doze?: Doze;
}

/** The time from the first sleep until the Mac is fully awake, dark wakes included. */
interface Doze {
  readonly sinceMs: number;
  /** The time of its last wake, by the monotonic clock. */
  readonly wokeAtSteadyMs: number;
  /** Whether tunnels reconnect at its end, however short it was. */
  readonly reconnects: boolean;
}

/** A wake of the Mac or a jump of its clock. */
export interface Wake {
  readonly what: string;
  /** Tunnels should reconnect. */
  readonly renumbered: boolean;
}

/**
 * Detects sleep and clock jumps since the last check. macOS also wakes by itself for less than a minute (a dark wake),
 * which only causes a check. It is fully awake when a user is active, or after a minute; after a doze of ten minutes
 * tunnels then reconnect. Pure.
 */
export function nextSleep(
  before: SleepState,
  reading: SleepReading,
): { readonly state: SleepState; readonly wake: Wake | undefined } {
  const isWake = reading.wokeAtMs !== before.reading.wokeAtMs && reading.wokeAtMs > 0;
  const doze = isWake ? wokenDoze(before.doze, reading) : before.doze;
  if (doze === undefined) return { state: { reading }, wake: jumpBetween(before.reading, reading) };
  if (reading.isUserBack || reading.steadyMs - doze.wokeAtSteadyMs >= DARK_WAKE_MS) {
    const wake = endOf(doze, reading, isWake);
    return { state: { reading }, wake: wake ?? jumpBetween(before.reading, reading) };
  }
  const wake = isWake
    ? { what: wakeText("woke up", reading.sleptAtMs, reading), renumbered: false }
    : jumpBetween(before.reading, reading);
  return { state: { reading, doze }, wake };
}

/** The same state with a reconnect due when the Mac is fully awake; undefined if it is. */
export function withReconnect({ reading, doze }: SleepState): SleepState | undefined {
  return doze === undefined ? undefined : { reading, doze: { ...doze, reconnects: true } };
}

function wokenDoze(doze: Doze | undefined, { sleptAtMs, steadyMs }: SleepReading): Doze {
  return { sinceMs: doze?.sinceMs ?? sleptAtMs, wokeAtSteadyMs: steadyMs, reconnects: doze?.reconnects ?? false };
}

/** Undefined when the wake was reported and nothing remains. */
function endOf({ sinceMs, reconnects }: Doze, reading: SleepReading, isWake: boolean): Wake | undefined {
  const renumbered = reconnects || reading.wokeAtMs - sinceMs >= LONG_SLEEP_MS;
  if (!isWake && !renumbered) return undefined;
  return { what: wakeText(isWake ? "woke up" : "woke up for good", sinceMs, reading), renumbered };
}

function wakeText(what: string, sinceMs: number, { wokeAtMs }: SleepReading): string {
  return `${what} after ${Math.round(Math.max(0, wokeAtMs - sinceMs) / 1000)} s of sleep`;
}

function jumpBetween(before: SleepReading, now: SleepReading): Wake | undefined {
  const jumpedMs = now.wallMs - before.wallMs - (now.steadyMs - before.steadyMs);
  if (Math.abs(jumpedMs) <= TOLERANCE_MS) return undefined;
  return { what: `the wall clock jumped by ${Math.round(jumpedMs / 1000)} s`, renumbered: jumpedMs >= LONG_SLEEP_MS };
}
