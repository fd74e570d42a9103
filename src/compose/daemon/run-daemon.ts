import { hrtime } from "node:process";
import { type ClockReading, clockEvent } from "../../daemon/clock-watch.ts";
import { watchConfig } from "../../daemon/config-watcher.ts";
import { type LoopPlan, type LoopReport, ReconcileLoop } from "../../daemon/reconcile-loop.ts";
import { linuxNetworkEvents } from "../../host/linux/network-events.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import { stepsOf } from "../../model/plan.ts";
import { DEFAULT_BURST_LIMITS } from "../../reconciler/machine/burst-guard.ts";
import { openSession } from "../open-session.ts";
import type { Planned, SessionOptions } from "../session.ts";
import { readBootTimeMs } from "./boot-time.ts";
import { type Proposals, readProposals } from "./proposals.ts";

const CLOCK_LOOK_MS = 1_000;
const DEFAULT_DRIFT_EVERY_MS = 30_000;

interface DaemonPlan extends LoopPlan {
  readonly planned: Planned;
}

export type DaemonReport = LoopReport | { readonly type: "problem"; readonly text: string };

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
  const subject = {
    plan: () => planNext(proposals),
    apply: async ({ planned, proposed }: DaemonPlan) => {
      try {
        await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
      } catch (error) {
        // What waits to be confirmed, or another awg, only delays it.
        const isDelayed = error instanceof AwgError && error.kind === "locked";
        if (proposed && !isDelayed) proposals.reject(planned.configHash);
        throw error;
      }
    },
  };
  const loop = new ReconcileLoop<DaemonPlan>(subject, {
    report: options.report,
    nowMs: () => performance.now(),
    random: Math.random,
    setTimer,
    limits: DEFAULT_BURST_LIMITS,
  });
  // An engine that does not answer now is the loop's to repair; it must not end the daemon.
  const nudge = (): void => {
    session
      .nudge()
      .catch((error: unknown) => options.report({ type: "problem", text: `nudging failed: ${messageOf(error)}` }));
  };
  await using _network = linuxNetworkEvents.watch(({ what, by, renumbered }) => {
    loop.wake(by === undefined ? what : `${what}, by ${by.program} (${by.pid})`);
    if (renumbered) nudge();
  });
  await using _files = watchConfig(options.files, (path) => loop.wake(path));
  using _drift = repeat(DEFAULT_DRIFT_EVERY_MS, () => loop.wake("drift timer"));
  using _clock = watchClocks((what) => {
    loop.wake(what);
    nudge();
  });
  loop.wake("start");
  await options.untilStopped;
  await loop.stop();
}

async function planNext(proposals: Proposals): Promise<DaemonPlan> {
  const { planned, proposed } = await proposals.next();
  return { planned, proposed, keys: [...new Set(stepsOf(planned.plan).map(({ key }) => key))] };
}

function setTimer(ms: number, onDue: () => void): Disposable {
  const timer = setTimeout(onDue, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

function repeat(ms: number, onDue: () => void): Disposable {
  const timer = setInterval(onDue, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function watchClocks(onEvent: (what: string) => void): Disposable {
  let before = readClocks();
  return repeat(CLOCK_LOOK_MS, () => {
    const now = readClocks();
    const what = clockEvent(before, now);
    before = now;
    if (what !== undefined) onEvent(what);
  });
}

function readClocks(): ClockReading {
  return { awakeMs: Number(hrtime.bigint() / 1_000_000n), bootMs: readBootTimeMs(), wallMs: Date.now() };
}
