import type { DaemonReport } from "../../../daemon/run-daemon.ts";
import { renderGuarded } from "../../../daemon/watch/ruleset-watchdog.ts";

/** What the daemon tells, a line each; no time, which the journal adds. */
export function renderReport(report: DaemonReport): string {
  switch (report.type) {
    case "woken":
      return `looking again: ${report.reasons.join("; ")}`;
    case "inSync":
      return "in sync";
    case "applying":
      return `${report.proposed ? "applying the config" : "repairing"}: ${report.keys.join(", ")}`;
    case "applied":
      return `done: ${report.keys.join(", ")}`;
    case "stalled":
      return `Stalled: ${report.reason}; trying again in ${Math.round(report.retryInMs / 100) / 10} s`;
    case "contended":
      return `Contended: ${report.keys.join(", ")} are changed by others again and again${report.by.length === 0 ? "" : ` (${report.by.join("; ")})`}; left alone for ${Math.ceil(report.waitMs / 1000)} s`;
    case "guarded":
      return renderGuarded(report);
    case "fallback":
      return report.devices.length === 0
        ? "every tunnel is up again; nothing is on its fallback"
        : `down: ${report.devices.join(", ")}; what falls back from there goes direct meanwhile`;
    case "probe":
      return `probe ${report.name} ${report.passed ? "passes again" : "fails"}: ${report.detail}`;
    case "problem":
      return report.text;
    case "stopped":
      return "stopped; the machine stays as it is";
  }
}
