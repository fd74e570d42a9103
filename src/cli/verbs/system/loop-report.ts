import type { DaemonEvent, LogLevel } from "../../../api/daemon-lines.ts";
import { clockTime } from "../../../app/down/override.ts";
import type { DaemonReport } from "../../../daemon/daemon-report.ts";
import { componentOf, levelOf } from "../../../daemon/serving/log-levels.ts";
import { renderGuarded } from "../../../daemon/watch/ruleset-watchdog.ts";

const OVERRIDE_TEXTS = {
  down: "tunnels are down",
  up: "tunnels are up",
  pause: "paused: traffic goes direct",
  portal: "the login page of this network may be reached",
} as const;

/** Priorities of syslog(3), which the journal reads from the beginning of a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/**
 * A line of the daemon's log with its time and component. The journal adds the time by itself, takes a priority instead,
 * and sets JOURNAL_STREAM (systemd.exec(5)).
 */
export function logLine(report: DaemonReport, environment: NodeJS.ProcessEnv, now: Date): string {
  const text = `[${componentOf(report)}] ${reportText(report)}`;
  const isForJournal = environment["JOURNAL_STREAM"] !== undefined;
  return isForJournal ? `<${PRIORITIES[levelOf(report)]}>${text}` : `${now.toISOString()} ${text}`;
}

/** An event of the daemon for people, as one line without its time. */
export function eventText(event: DaemonEvent): string {
  return reportText(event as DaemonEvent & DaemonReport);
}

/** A report of the daemon for people, as one line without its time. */
export function reportText(report: DaemonReport): string {
  switch (report.type) {
    case "woken":
      return `reading the host again: ${report.reasons.join("; ")}`;
    case "inSync":
      return report.filesNotApplied === true
        ? "in sync with the accepted state; the config on the disk is not applied"
        : "in sync";
    case "applying":
      return `${report.proposed ? "applying the config" : "repairing"}: ${report.keys.join(", ")}`;
    case "applied":
      return `done: ${report.keys.join(", ")}`;
    case "stalled":
      return `Stalled: ${report.reason}; retry in ${Math.round(report.retryInMs / 100) / 10} s`;
    case "contended":
      return `Contended: other programs keep changing ${report.keys.join(", ")}${report.by.length === 0 ? "" : ` (${report.by.join("; ")})`}; waiting ${Math.ceil(report.waitMs / 1000)} s`;
    case "guarded":
      return renderGuarded(report);
    case "fallback":
      return report.devices.length === 0
        ? "every tunnel is up; no fallback is in use"
        : report.switches.map(switchText).join("; ");
    case "probe":
      return `probe ${report.name} ${report.passed ? "passes again" : "fails"}: ${report.detail}`;
    case "override":
      return report.until === null
        ? "a timed change has ended"
        : `${OVERRIDE_TEXTS[report.what ?? "pause"]} until ${clockTime(Date.parse(report.until))}`;
    case "protection":
      return protectionText(report);
    case "portal":
      return portalText(report);
    case "problem":
      return report.text;
    case "stopped":
      return "stopped; the host stays as it is";
  }
}

const UNPROTECTED = {
  KillSwitchOff: "the kill switch is off",
  Paused: "tunnel traffic goes direct",
  FallbackDirect: "traffic of a tunnel that is down goes direct",
  FilterLost: "the packet filter is gone and could not be loaded",
} as const;

function protectionText({ holds, reason }: Extract<DaemonReport, { type: "protection" }>): string {
  return holds ? "Protected: the kill switch is on" : `Not protected: ${UNPROTECTED[reason ?? "KillSwitchOff"]}`;
}

function portalText({ state, url, detail }: Extract<DaemonReport, { type: "portal" }>): string {
  const why = detail === undefined ? "" : `: ${detail}`;
  switch (state) {
    case "open":
      return `this network wants a login; open ${url} in a browser`;
    case "found":
      return `this network wants a login at ${url}, which stays closed${why}`;
    case "passed":
      return `this network asks for no login any more; its page is closed again (${url})`;
    case "left":
      return `the network with the login page is gone; the page is closed (${url})`;
    case "closed":
      return `the login page is closed again${why} (${url})`;
  }
}

function switchText({ device, by }: { readonly device: string; readonly by: string | null }): string {
  return `${device} is down; ${by === null ? "traffic with a direct fallback goes direct" : `its traffic can go by ${by}`}`;
}
