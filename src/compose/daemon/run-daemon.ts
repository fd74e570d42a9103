import { watchConfig } from "../../daemon/config-watcher.ts";
import { type LoopPlan, type LoopReport, ReconcileLoop } from "../../daemon/reconcile-loop.ts";
import { DEFAULT_RHYTHM, type Rhythm } from "../../daemon/rhythm.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import { stepsOf } from "../../model/plan.ts";
import { openSession } from "../open-session.ts";
import type { Planned, SessionOptions } from "../session.ts";
import { repeat, setTimer, watchClocks } from "./clocks.ts";
import { type FallbackReport, FallbackWatch } from "./fallback-watch.ts";
import { watchMachine } from "./machine-events.ts";
import { type Proposals, readProposals } from "./proposals.ts";

interface DaemonPlan extends LoopPlan {
  readonly planned: Planned;
  /** What its configuration says of the loop itself; absent where no file stands behind it. */
  readonly rhythm: Rhythm | undefined;
}

export type DaemonReport = LoopReport | FallbackReport;

export interface DaemonOptions extends SessionOptions {
  /** Config files and folders, absolute. */
  readonly files: readonly string[];
  readonly report: (report: DaemonReport) => void;
  /** Resolves when the daemon is to end. */
  readonly untilStopped: Promise<unknown>;
}

/**
 * Keeps the machine as it was last accepted to be, and proposes the config files when they change, until told to stop.
 * Its death changes nothing on the machine.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  await using session = await openSession(options);
  const proposals = readProposals(session, options.files, (text) => options.report({ type: "problem", text }));
  let rhythm = DEFAULT_RHYTHM;
  const subject = {
    plan: async () => {
      const next = await planNext(proposals);
      if (next.keys.length === 0) rhythm = next.rhythm ?? rhythm;
      return next;
    },
    apply: async ({ planned, proposed, rhythm: wanted }: DaemonPlan) => {
      try {
        await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
        rhythm = wanted ?? rhythm;
      } catch (error) {
        // What waits to be confirmed, or another awg, only delays it.
        const isDelayed = error instanceof AwgError && error.kind === "locked";
        if (proposed) proposals.noteFailure(planned.configHash, isDelayed);
        throw error;
      }
    },
  };
  const clock = { nowMs: () => performance.now(), random: Math.random };
  let fallback: FallbackWatch | undefined;
  const loop = new ReconcileLoop<DaemonPlan>(subject, {
    ...clock,
    report: (report) => {
      if (report.type === "woken" || report.type === "applied") fallback?.refresh();
      options.report(report);
    },
    setTimer,
    limits: () => rhythm.limits,
  });
  // An engine that does not answer now is the loop's to repair; it must not end the daemon.
  const nudge = (): void => {
    session
      .nudge()
      .catch((error: unknown) => options.report({ type: "problem", text: `nudging failed: ${messageOf(error)}` }));
  };
  await using _network = watchMachine(options, ({ what, by, renumbered }) => {
    loop.wake(by === undefined ? what : `${what}, by ${by.program} (${by.pid})`);
    if (renumbered) nudge();
  });
  await using _files = watchConfig(options.files, (path) => loop.wake(path));
  using _drift = repeat(
    () => rhythm.driftEveryMs,
    () => loop.wake("drift timer"),
  );
  using _clock = watchClocks((what) => {
    loop.wake(what);
    nudge();
  });
  await using watched = new FallbackWatch(session, {
    ...clock,
    report: options.report,
    wake: (reason) => loop.wake(reason),
  });
  fallback = watched;
  loop.wake("start");
  await options.untilStopped;
  await loop.stop();
}

async function planNext(proposals: Proposals): Promise<DaemonPlan> {
  const { planned, proposed, rhythm } = await proposals.next();
  return { planned, proposed, rhythm, keys: [...new Set(stepsOf(planned.plan).map(({ key }) => key))] };
}
