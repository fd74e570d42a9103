import { setImmediate } from "node:timers/promises";
import type { StopSignal } from "../../../app/apply/applied.ts";
import { EXIT, type ExitCode } from "../../exit-code.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Exit codes as a shell reports them: 128 and the signal's number. */
export const CODE_OF_SIGNAL: Readonly<Record<StopSignal, ExitCode>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
};

/** The signals that undo a running change, as long as they are watched. */
export interface StopSignals {
  /** The one that came; undefined while none did. */
  readonly received: StopSignal | undefined;
  /**
   * The same, after one turn of the event loop. Only there does Node process signals, and the execution of a plan never
   * yields to it, since the kernel answers at once.
   */
  look(): Promise<StopSignal | undefined>;
  /** From now on the terminal may go away: SIGHUP has no effect. */
  outliveTerminal(): void;
  stop(): void;
}

/** Watches for them; nothing else is done about them meanwhile. */
export function watchStopSignals(): StopSignals {
  let received: StopSignal | undefined;
  let outlives = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    const stopSignal = SIGNALS.find((one) => one === signal);
    // The end of a session sends both SIGTERM and SIGHUP, in any order; SIGTERM wins.
    if (stopSignal !== "SIGHUP" || received === undefined) received = stopSignal;
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const current = () => (outlives && received === "SIGHUP" ? undefined : received);
  return {
    get received() {
      return current();
    },
    look: async () => {
      await setImmediate();
      return current();
    },
    outliveTerminal: () => {
      outlives = true;
    },
    stop: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** This process finishes its work when its terminal goes away. */
export function outliveTerminal(): void {
  process.on("SIGHUP", () => {});
}
