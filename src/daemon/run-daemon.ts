import type { DaemonLine, LogLevel } from "../api/daemon-lines.ts";
import type { Role } from "../api/role.ts";
import type { HostOptions } from "../app/host-options.ts";
import { OpenHost } from "../app/open-host.ts";
import type { HostParts } from "../app/parts.ts";
import { memoizedExpansion } from "../app/plan/memoized-expansion.ts";
import { readStatus } from "../app/status/machine-status.ts";
import type { Status } from "../app/status/status-report.ts";
import { messageOf } from "../model/error.ts";
import { type DaemonPlan, loopSubject, type Watches } from "./daemon-plan.ts";
import type { DaemonReport } from "./daemon-report.ts";
import { DriftTimer } from "./drift-timer.ts";
import { ProtectionWatch } from "./notice/protection-watch.ts";
import { PortalWatch } from "./portal/portal-watch.ts";
import { readProposals } from "./proposals.ts";
import { ReconcileLoop } from "./reconcile-loop.ts";
import type { Conversation } from "./serving/line-server.ts";
import { LogLevels } from "./serving/log-levels.ts";
import { Published } from "./serving/published.ts";
import { setTimer } from "./timers.ts";
import { type UseCases, useCasesOf } from "./use-cases.ts";
import { watchConfig } from "./watch/config-watcher.ts";
import { DeadlineWatch } from "./watch/deadline-watch.ts";
import { EndpointWatch } from "./watch/endpoint-watch.ts";
import { type EngineMemory, rememberEngines } from "./watch/engine-memory.ts";
import { type FallbackReport, FallbackWatch } from "./watch/fallback-watch.ts";
import { OverrideWatch } from "./watch/override-watch.ts";
import { watchProbes } from "./watch/probe-watch.ts";
import { type GuardReport, RulesetWatchdog } from "./watch/ruleset-watchdog.ts";
import { reportLife, type Supervisor } from "./watch/supervision.ts";
import { type OutsideEvents, type Wake, watchOutside } from "./watch-outside.ts";

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
  const watches: Watches = { guard, deadline, override, protection, driftTimer };
  const proposals = readProposals(useCases, options.files, report, () => watches.endpoints?.unanswered ?? {});
  const subject = loopSubject(useCases, proposals, watches, { report, engines, onEntryLines: options.onEntryLines });
  const loop = new ReconcileLoop<DaemonPlan>(subject, {
    ...clock,
    report: (report) => {
      if (report.type === "woken" || report.type === "applied") {
        watches.fallback?.refresh();
        watches.probes?.refresh();
      }
      if (report.type === "inSync" || report.type === "stalled") watches.portal?.noteLook();
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
    watches.endpoints?.restart();
    watches.portal?.noteNetwork();
  };
  await using files = watchConfig(options.files, wake);
  watches.configFiles = files;
  await using _wakes = watchOutside(options.outside, {
    events: useCases.networkEvents,
    wake,
    guard,
    onOtherNetwork,
    onRoutes: () => {
      watches.endpoints?.noteRoutes();
      watches.portal?.noteNetwork();
    },
    onHangUp: () => watches.portal?.askAgain(),
  });
  const reportFallback = (found: FallbackReport): void => {
    options.report(found);
    if (found.type === "fallback") protection.noteFallback(found);
  };
  await using watched = new FallbackWatch(useCases, { ...clock, report: reportFallback, wake });
  watches.fallback = watched;
  await using watchedProbes = watchProbes(useCases, options.report);
  watches.probes = watchedProbes;
  await using raced = new EndpointWatch(useCases, { ...clock, report: options.report, wake });
  watches.endpoints = raced;
  await using pages = new PortalWatch(useCases, { ...clock, ...options, setTimer, wake });
  watches.portal = pages;
  loop.wake("start");
  using _life = reportLife(options.outside.supervisor, () => loop.busyMs, { setTimer });
  await options.untilStopped;
  await loop.stop();
}
