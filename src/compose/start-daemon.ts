import { hrtime } from "node:process";
import type { HostOptions } from "../app/host-options.ts";
import type { Status } from "../app/status/status-report.ts";
import type { DaemonReport } from "../daemon/daemon-report.ts";
import { NotificationGate } from "../daemon/notice/notification-gate.ts";
import { type DaemonOptions, type DaemonOutside, runDaemon } from "../daemon/run-daemon.ts";
import type { ClockReading } from "../daemon/watch/clock-watch.ts";
import type { ShowNotification } from "../host/ports/host.ts";
import { disableInspection } from "../native/disable-inspection.ts";
import { readBootTimeMs } from "../native/linux/process/boot-time.ts";
import { watchNetwork } from "./network-events.ts";
import { openParts } from "./open.ts";
import { pathsFor, recordHostNamespace } from "./paths.ts";

interface StartOptions extends HostOptions, Pick<DaemonOptions, "files" | "untilStopped" | "logLevel"> {
  readonly report: (report: DaemonReport) => void;
  /** The document of `awg status --json`. */
  readonly statusDocument: (status: Status) => unknown;
  /** Show desktop notifications when protection is lost. */
  readonly notify: boolean;
}

/** Runs the daemon on the host that the options name until it is stopped. */
export async function startDaemon(options: StartOptions): Promise<void> {
  disableInspection();
  const supervision = await supervisionOf(options);
  const notify = options.notify ? await openNotifier() : undefined;
  const parts = await openParts({ ...options, isUnattended: true });
  const outside = { ...daemonOutside(options), ...(await servingOf(options)), ...supervision };
  await runDaemon(parts, { ...options, ...(notify === undefined ? {} : { onReport: notify }), outside });
}

/** The sockets of a daemon on Linux; one of a simulated host has none. */
async function servingOf({ host, stateDir, runDir }: HostOptions): Promise<Pick<DaemonOutside, "serve">> {
  if (host.kind === "simulated" || process.platform !== "linux") return {};
  const { serveSocket } = await import("../daemon/serving/daemon-socket.ts");
  const { readPeer, readRoleRules } = await import("./peers.ts");
  const paths = pathsFor(stateDir, runDir).daemonSockets;
  return { serve: serveSocket({ paths, readRules: readRoleRules, readPeer, onServing: recordHostNamespace }) };
}

/** The service manager that wants reports, on Linux; taken before any child is started. */
async function supervisionOf({ host }: HostOptions): Promise<Pick<DaemonOutside, "supervisor">> {
  if (host.kind === "simulated" || process.platform !== "linux") return {};
  const { takeSupervisor } = await import("../host/linux/services/supervisor.ts");
  const supervisor = takeSupervisor(process.env);
  return supervisor === undefined ? {} : { supervisor };
}

/** Change events and clocks of the host this process runs on. */
export function daemonOutside(place: Pick<HostOptions, "stateDir" | "runDir">): DaemonOutside {
  return { watchNetwork: (own, onEvent) => watchNetwork(place, own, onEvent), readClocks };
}

function readClocks(): ClockReading {
  const awakeMs = Number(hrtime.bigint() / 1_000_000n);
  // Node's steady clock on macOS is mach_continuous_time (libuv's src/unix/darwin.c), which continues during sleep.
  const bootMs = process.platform === "darwin" ? awakeMs : readBootTimeMs();
  return { awakeMs, bootMs, wallMs: Date.now() };
}

/** Shows a desktop notification for reports that deserve one. Never throws, never waits. */
async function openNotifier(): Promise<(report: DaemonReport) => void> {
  const show = await openNotifications();
  const gate = new NotificationGate();
  return (report) => {
    const notification = gate.note(report, Date.now());
    if (notification !== undefined) show(notification).catch(() => undefined);
  };
}

async function openNotifications(): Promise<ShowNotification> {
  if (process.platform === "darwin") {
    const { runCommand } = await import("../host/darwin/command.ts");
    return (await import("../host/darwin/osascript-notifications.ts")).osascriptNotifications(runCommand);
  }
  return (await import("../host/linux/desktop-notifications.ts")).desktopNotifications();
}
