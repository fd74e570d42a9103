import { holderSentences } from "../app/plan/foreign-holders.ts";
import type { Planned } from "../app/plan/planned.ts";
import { AwgError, restoredNote } from "../model/error.ts";
import { type Step, stepsOf } from "../model/plan.ts";
import type { DriftTimer } from "./drift-timer.ts";
import type { ProtectionWatch } from "./notice/protection-watch.ts";
import type { PortalChange } from "./portal/due-change.ts";
import type { PortalWatch } from "./portal/portal-watch.ts";
import type { Proposal, Proposals } from "./proposals.ts";
import type { ReconcileIntervals } from "./reconcile-intervals.ts";
import type { LoopPlan } from "./reconcile-loop.ts";
import type { UseCases } from "./use-cases.ts";
import type { ConfigWatcher } from "./watch/config-watcher.ts";
import type { DeadlineWatch } from "./watch/deadline-watch.ts";
import type { EndpointWatch } from "./watch/endpoint-watch.ts";
import type { EngineMemory } from "./watch/engine-memory.ts";
import type { FallbackWatch } from "./watch/fallback-watch.ts";
import type { OverrideWatch } from "./watch/override-watch.ts";
import type { ProbeWatch } from "./watch/probe-watch.ts";
import { watchProgramReplaced } from "./watch/program-replaced.ts";
import type { RulesetWatchdog } from "./watch/ruleset-watchdog.ts";

export interface DaemonPlan extends LoopPlan {
  readonly planned: Planned;
  /** Whether files were proposed. */
  readonly isConfig: boolean;
  /** Whether a peer goes to another address of its name. */
  readonly movesPeers: boolean;
  readonly entryLines: Readonly<Record<string, string>>;
  /** Devices that it changes, or the engines of. */
  readonly devices: readonly string[];
  /** The change of a login page that it is. */
  readonly login?: PortalChange;
  /** Loop settings of its configuration; absent if no file is behind it. */
  readonly intervals: ReconcileIntervals | undefined;
}

/** The watches of the daemon; those that need the loop are added once it exists. */
export interface Watches {
  readonly guard: RulesetWatchdog;
  readonly deadline: DeadlineWatch;
  readonly override: OverrideWatch;
  readonly protection: ProtectionWatch;
  readonly driftTimer: DriftTimer;
  endpoints?: EndpointWatch;
  configFiles?: ConfigWatcher;
  portal?: PortalWatch;
  fallback?: FallbackWatch;
  probes?: ProbeWatch;
}

interface SubjectOptions {
  readonly report: (text: string) => void;
  /** Present if the host remembers its engines. */
  readonly engines: EngineMemory | undefined;
  readonly onEntryLines: ((lines: Readonly<Record<string, string>>) => void) | undefined;
}

/** What the loop plans and applies; the watches follow it. */
export function loopSubject(
  useCases: UseCases,
  proposals: Proposals,
  watches: Watches,
  { report, engines, onEntryLines }: SubjectOptions,
) {
  const { guard, deadline, override, protection, driftTimer } = watches;
  const exchanged = watchProgramReplaced();
  const followState = async (): Promise<void> => {
    override.follow(await useCases.override());
    protection.follow(await useCases.acceptedState());
  };
  const planAfterWatches = async (): Promise<DaemonPlan> => {
    await guard.look();
    // An error that would stop any change is reported at once, not when a change is due.
    await deadline.follow(await useCases.secondsToConfirm());
    await followState();
    const wasBusy = await useCases.isAnotherAtWork();
    const next = await planNext(proposals, watches.endpoints, engines, await watches.portal?.due());
    return { ...next, isBusy: wasBusy || (next.keys.length > 0 && (await useCases.isAnotherAtWork())) };
  };
  return {
    plan: async (): Promise<DaemonPlan> => {
      const replaced = exchanged();
      if (replaced !== undefined) report(replaced);
      const next = await orProtect(useCases, planAfterWatches, report);
      watches.configFiles?.follow(next.planned.listFiles ?? []);
      onEntryLines?.(next.entryLines);
      if (next.keys.length === 0) driftTimer.follow(next.intervals);
      return next;
    },
    apply: async (plan: DaemonPlan): Promise<void> => {
      engines?.forget(plan.proposed ? undefined : plan.devices);
      try {
        await orProtect(useCases, () => applyNext(useCases, plan, proposals), report);
      } catch (error) {
        plan.login?.settle(error);
        throw error;
      }
      plan.login?.settle();
      driftTimer.follow(plan.intervals);
      await followState();
      if (plan.movesPeers) await watches.endpoints?.requestHandshakes();
    },
  };
}

async function applyNext(useCases: UseCases, plan: DaemonPlan, proposals: Proposals): Promise<void> {
  const { planned, isConfig, login } = plan;
  const request = login === undefined ? {} : { request: login.request };
  try {
    await useCases.apply(planned, { ...request, onEvent: () => {}, shouldStop: () => undefined });
    if (isConfig) await proposals.noteSuccess(planned.configHash);
  } catch (error) {
    // A change that awaits confirmation, or another awg, only delays it.
    const isDelayed = error instanceof AwgError && error.kind === "locked";
    if (isConfig) await proposals.noteFailure(planned.configHash, isDelayed);
    throw error;
  }
}

/** If it fails because the state is unreadable, the host is not left open. */
async function orProtect<T>(useCases: UseCases, act: () => Promise<T>, report: (text: string) => void): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const error = await useCases.protectAfterFailure(cause);
    const restored = restoredNote(error);
    if (restored !== undefined) report(restored);
    throw error;
  }
}

/** It is no file's, like the end of what was asked for a time. */
function proposalOf({ planned }: PortalChange): Proposal {
  return { planned, proposed: true, endsOverride: true, intervals: undefined };
}

/** A peer that moves with its name or its server is no foreign change, so it counts for no fight. */
async function planNext(
  proposals: Proposals,
  endpoints: EndpointWatch | undefined,
  engines: EngineMemory | undefined,
  login: PortalChange | undefined,
): Promise<DaemonPlan> {
  let next = login === undefined ? await proposals.next() : proposalOf(login);
  const touchesEngines = stepsOf(next.planned.plan).some(({ kind }) => kind === "tunnel");
  // Remembered replies may only show that nothing is to be done: another awg may have set the engines since. A proposal
  // is planned again before it is executed.
  if (engines?.isRemembered === true && touchesEngines && !next.proposed) {
    engines.forget();
    next = await proposals.next();
  }
  const {
    planned,
    proposed: isAsked,
    endsOverride = false,
    intervals,
    filesNotApplied = false,
    entryLines = {},
  } = next;
  const movesPeers = (await endpoints?.follow(planned)) ?? false;
  const steps = stepsOf(planned.plan);
  return {
    planned,
    ...(login === undefined ? {} : { login }),
    proposed: isAsked || movesPeers,
    isConfig: isAsked && !endsOverride,
    filesNotApplied,
    movesPeers,
    entryLines,
    intervals,
    keys: [...new Set(steps.map(({ key }) => key))],
    held: holderSentences(planned.held ?? new Map()),
    devices: [...new Set(steps.flatMap(devicesOf))],
  };
}

function devicesOf(step: Step): readonly string[] {
  if (step.kind !== "link" && step.kind !== "tunnel") return [];
  return [step.before, step.after].flatMap((spec) => spec?.device ?? []);
}
