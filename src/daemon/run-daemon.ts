import type { DaemonLine, LogLevel } from "../api/daemon-lines.ts";
import type { Role } from "../api/role.ts";
import type { HostOptions } from "../app/host-options.ts";
import { OpenHost } from "../app/open-host.ts";
import type { HostParts } from "../app/parts.ts";
import { holderSentences } from "../app/plan/foreign-holders.ts";
import { memoizedExpansion } from "../app/plan/memoized-expansion.ts";
import type { Planned } from "../app/plan/planned.ts";
import { readStatus } from "../app/status/machine-status.ts";
import type { Status } from "../app/status/status-report.ts";
import { AwgError, messageOf, restoredNote } from "../model/error.ts";
import { type Step, stepsOf } from "../model/plan.ts";
import type { DaemonReport } from "./daemon-report.ts";
import { DriftTimer } from "./drift-timer.ts";
import { ProtectionWatch } from "./notice/protection-watch.ts";
import type { PortalChange } from "./portal/due-change.ts";
import { PortalWatch } from "./portal/portal-watch.ts";
import { type Proposal, type Proposals, readProposals } from "./proposals.ts";
import type { ReconcileIntervals } from "./reconcile-intervals.ts";
import { type LoopPlan, ReconcileLoop } from "./reconcile-loop.ts";
import type { Conversation } from "./serving/line-server.ts";
import { LogLevels } from "./serving/log-levels.ts";
import { Published } from "./serving/published.ts";
import { setTimer } from "./timers.ts";
import { type UseCases, useCasesOf } from "./use-cases.ts";
import { type ConfigWatcher, watchConfig } from "./watch/config-watcher.ts";
import { DeadlineWatch } from "./watch/deadline-watch.ts";
import { EndpointWatch } from "./watch/endpoint-watch.ts";
import { type EngineMemory, rememberEngines } from "./watch/engine-memory.ts";
import { FallbackWatch } from "./watch/fallback-watch.ts";
import { OverrideWatch } from "./watch/override-watch.ts";
import { type ProbeWatch, watchProbes } from "./watch/probe-watch.ts";
import { watchProgramReplaced } from "./watch/program-replaced.ts";
import { type GuardReport, RulesetWatchdog } from "./watch/ruleset-watchdog.ts";
import { reportLife, type Supervisor } from "./watch/supervision.ts";
import { type OutsideEvents, type Wake, watchOutside } from "./watch-outside.ts";

interface DaemonPlan extends LoopPlan {
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

/** What the daemon gets from outside its process. */
export interface DaemonOutside extends OutsideEvents {
  /**
   * Answers clients on the daemon's socket until it is disposed; absent where there is none. A socket that cannot be made
   * is a problem to report: the host is kept all the same.
   */
  readonly serve?: (
    converse: (send: (line: DaemonLine) => void, role: Role) => Conversation,
    report: (problem: DaemonReport) => void,
  ) => Promise<AsyncDisposable | undefined>;
  /** Absent if nothing started the daemon that wants reports. */
  readonly supervisor?: Supervisor;
}

export interface DaemonOptions {
  /** Config files and folders, absolute. */
  readonly files: readonly string[];
  /** Gets the reports that are logged. */
  readonly report: (report: DaemonReport) => void;
  /** Gets every report. */
  readonly onReport?: (report: DaemonReport) => void;
  /** Gets `file:line` of the tunnels and rules at each look. */
  readonly onEntryLines?: (lines: Readonly<Record<string, string>>) => void;
  /** The least level that is logged until it is changed; debug when absent. */
  readonly logLevel?: LogLevel;
  readonly outside: DaemonOutside;
  /** Resolves when the daemon should end. */
  readonly untilStopped: Promise<unknown>;
}

/**
 * Keeps the host as it was last accepted, and proposes the config files when they change, until stopped. The end of the
 * daemon changes nothing on the host.
 */
export async function runDaemon(
  parts: HostParts,
  options: DaemonOptions & HostOptions & { readonly statusDocument: (status: Status) => unknown },
): Promise<void> {
  using place = await parts.daemon?.take();
  const statusDocument = async () => options.statusDocument(await readStatus(parts));
  const levels = new LogLevels(options.logLevel ?? "debug");
  const published = new Published(Date.now(), statusDocument, levels, options.files);
  const report = (one: DaemonReport): void => {
    const changed = published.note(one);
    if (changed !== undefined) place?.write(changed);
    options.onReport?.(one);
    if (levels.shows(one)) options.report(one);
  };
  await using _socket = await options.outside.serve?.((send, role) => published.converse(send, role), report);
  const engines = rememberEngines(parts.host.engines);
  // Other processes that find the lock held are to name the daemon, whatever it does.
  const lock = () => parts.lock("daemon");
  const remembering = { ...parts, lock, host: engines.over(parts.host), expandInput: memoizedExpansion() };
  await using host = new OpenHost(remembering, options);
  const onEntryLines = (lines: Readonly<Record<string, string>>): void => {
    if (published.noteEntryLines(lines)) place?.write(published.state);
  };
  await keepHost(useCasesOf(host), { ...options, report, onEntryLines }, engines);
}

/** The daemon's loop and watches over an open host, which stays open; `engines` if the host remembers its engines. */
export async function keepHost(useCases: UseCases, options: DaemonOptions, engines?: EngineMemory): Promise<void> {
  const report = (text: string) => options.report({ type: "problem", text });
  let endpoints: EndpointWatch | undefined;
  let configFiles: ConfigWatcher | undefined;
  let portal: PortalWatch | undefined;
  const proposals = readProposals(useCases, options.files, report, () => endpoints?.unanswered ?? {});
  const wake: Wake = (what, by, devices) => {
    engines?.forget(devices);
    loop.wake(what, by);
  };
  using driftTimer = new DriftTimer(() => wake("drift timer"), setTimer);
  using deadline = new DeadlineWatch(useCases, {
    setTimer,
    report,
    onReverted: () => wake("a change was not confirmed in time"),
  });
  const clock = { nowMs: () => performance.now(), random: Math.random };
  const protection = new ProtectionWatch(options.report);
  const reportGuard = (found: GuardReport): void => {
    options.report(found);
    protection.noteGuard(found);
  };
  await using guard = new RulesetWatchdog(useCases, { setTimer, report: reportGuard });
  // A pause ends before the loop's quiet time and plan.
  const onOver = async (): Promise<void> => wake("the time is over", void (await guard.look().catch(() => {})));
  using override = new OverrideWatch({ setTimer, report: options.report, onOver: () => void onOver() });
  const exchanged = watchProgramReplaced();
  const subject = {
    plan: async () => {
      const replaced = exchanged();
      if (replaced !== undefined) report(replaced);
      const next = await orProtect(
        useCases,
        async () => {
          await guard.look();
          // An error that would stop any change is reported at once, not when a change is due.
          await deadline.follow(await useCases.secondsToConfirm());
          override.follow(await useCases.override());
          protection.follow(await useCases.acceptedState());
          return planNext(proposals, endpoints, engines, await portal?.due());
        },
        report,
      );
      configFiles?.follow(next.planned.listFiles ?? []);
      options.onEntryLines?.(next.entryLines);
      if (next.keys.length === 0) driftTimer.follow(next.intervals);
      return next;
    },
    apply: async (plan: DaemonPlan) => {
      engines?.forget(plan.proposed ? undefined : plan.devices);
      try {
        await orProtect(useCases, () => applyNext(useCases, plan, proposals), report);
      } catch (error) {
        plan.login?.settle(error);
        throw error;
      }
      plan.login?.settle();
      driftTimer.follow(plan.intervals);
      override.follow(await useCases.override());
      protection.follow(await useCases.acceptedState());
      if (plan.movesPeers) await endpoints?.requestHandshakes();
    },
  };
  let fallback: FallbackWatch | undefined;
  let probes: ProbeWatch | undefined;
  const loop = new ReconcileLoop<DaemonPlan>(subject, {
    ...clock,
    report: (report) => {
      if (report.type === "woken" || report.type === "applied") {
        fallback?.refresh();
        probes?.refresh();
      }
      if (report.type === "inSync" || report.type === "stalled") portal?.noteLook();
      if (report.type === "stalled") engines?.forget();
      options.report(report);
    },
    setTimer,
    limits: () => driftTimer.intervals.limits,
  });
  // An engine that does not answer now is the loop's to repair; it must not end the daemon.
  const onOtherNetwork = (): void => {
    useCases
      .refreshEndpoints()
      .catch((error: unknown) => report(`refreshing the peers' endpoints failed: ${messageOf(error)}`));
    endpoints?.restart();
    portal?.noteNetwork();
  };
  await using files = watchConfig(options.files, wake);
  configFiles = files;
  await using _wakes = watchOutside(options.outside, {
    events: useCases.networkEvents,
    wake,
    guard,
    onOtherNetwork,
    onRoutes: () => {
      endpoints?.noteRoutes();
      portal?.noteNetwork();
    },
    onHangUp: () => portal?.askAgain(),
  });
  await using watched = new FallbackWatch(useCases, { ...clock, report: options.report, wake });
  fallback = watched;
  await using watchedProbes = watchProbes(useCases, options.report);
  probes = watchedProbes;
  await using raced = new EndpointWatch(useCases, { ...clock, report: options.report, wake });
  endpoints = raced;
  await using pages = new PortalWatch(useCases, { ...clock, ...options, setTimer, wake });
  portal = pages;
  loop.wake("start");
  using _life = reportLife(options.outside.supervisor, () => loop.busyMs, { setTimer });
  await options.untilStopped;
  await loop.stop();
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
