/** Sleep that is so long that peers have forgotten us, and other networks may be around. */
const LONG_SLEEP_MS = 600_000;
/** A Mac that wakes by itself sleeps again before that, unless it serves others. */
const DARK_WAKE_MS = 60_000;
/** How far the wall clock may run from the steady one between two looks before it was set. */
const TOLERANCE_MS = 1_500;

/** When the machine last went to sleep and woke (kern.sleeptime, kern.waketime), and the clocks now; milliseconds. */
export interface SleepReading {
  readonly sleptAtMs: number;
  readonly wokeAtMs: number;
  /** Whether somebody came to the machine since it woke. */
  readonly isUserBack: boolean;
  readonly wallMs: number;
  readonly steadyMs: number;
}

/** What a look leaves for the next. */
export interface SleepState {
  readonly reading: SleepReading;
  /** Absent while it is awake for good. */
  readonly doze?: Doze;
}

/** From the first sleep until the machine is awake for good; the wakes that end in sleep again are part of it. */
interface Doze {
  readonly sinceMs: number;
  /** When its last wake was seen, by the steady clock. */
  readonly wokeAtSteadyMs: number;
  /** Whether tunnels are to begin anew at its end however short it was. */
  readonly owes: boolean;
}

/** A wake of the machine or a jump of its clock. */
export interface Wake {
  readonly what: string;
  /** Tunnels should begin anew. */
  readonly renumbered: boolean;
}

/**
 * What happened since the look before. macOS wakes by itself too, for less than a minute and with nobody there (a dark wake):
 * such a wake only asks for a look. It is awake for good when somebody came, or after a minute; where it dozed for ten
 * minutes tunnels then begin anew. Pure.
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

/** The same with tunnels to begin anew once the machine is awake for good; undefined where it is. */
export function owing({ reading, doze }: SleepState): SleepState | undefined {
  return doze === undefined ? undefined : { reading, doze: { ...doze, owes: true } };
}

function wokenDoze(doze: Doze | undefined, { sleptAtMs, steadyMs }: SleepReading): Doze {
  return { sinceMs: doze?.sinceMs ?? sleptAtMs, wokeAtSteadyMs: steadyMs, owes: doze?.owes ?? false };
}

/** Undefined when the wake was told and nothing is left to be said. */
function endOf({ sinceMs, owes }: Doze, reading: SleepReading, isWake: boolean): Wake | undefined {
  const renumbered = owes || reading.wokeAtMs - sinceMs >= LONG_SLEEP_MS;
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
