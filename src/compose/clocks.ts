import { hrtime } from "node:process";
import { type ClockReading, clockEvent } from "../daemon/watch/clock-watch.ts";
import { readBootTimeMs } from "../native/linux/process/boot-time.ts";

const LOOK_MS = 1_000;

/** A timer of Node's, ended by disposing. */
export function setTimer(ms: number, onDue: () => void): Disposable {
  const timer = setTimeout(onDue, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Calls again and again, asking before each wait how long it is to be. */
export function repeat(ms: () => number, onDue: () => void): Disposable {
  let timer = setTimer(ms(), due);
  function due(): void {
    timer = setTimer(ms(), due);
    onDue();
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/**
 * Tells when the machine slept or its wall clock jumped, by comparing three clocks each second. Of a Mac's sleep its network
 * monitor tells, which knows dark wakes.
 */
export function watchClocks(onEvent: (what: string) => void): Disposable {
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

function readClocks(): ClockReading {
  const awakeMs = Number(hrtime.bigint() / 1_000_000n);
  // Node's steady clock on macOS is mach_continuous_time (libuv's src/unix/darwin.c), which goes on in sleep.
  const bootMs = process.platform === "darwin" ? awakeMs : readBootTimeMs();
  return { awakeMs, bootMs, wallMs: Date.now() };
}
