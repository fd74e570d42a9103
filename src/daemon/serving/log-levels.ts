import { LOG_COMPONENTS, LOG_LEVELS, type LogComponent, type LogLevel } from "../../api/daemon-lines.ts";
import type { DaemonReport } from "../daemon-report.ts";

/** What a resource belongs to, by its kind; every other kind is Core's. */
const COMPONENT_OF_KIND: Readonly<Record<string, LogComponent>> = {
  firewall: "Rule",
  routes: "Router",
  link: "AWG",
  tunnel: "AWG",
  proxy: "Proxy",
};

/** The part of awg that a report is about. Pure. */
export function componentOf(report: DaemonReport): LogComponent {
  if (report.type === "guarded" || report.type === "protection") return "Rule";
  if (report.type === "fallback" || report.type === "probe" || report.type === "portal") return "Router";
  if (report.type !== "applying" && report.type !== "applied" && report.type !== "contended") return "Core";
  const found = new Set(report.keys.map((key) => COMPONENT_OF_KIND[key.split("/")[0] ?? ""] ?? "Core"));
  const [only] = found;
  return found.size === 1 && only !== undefined ? only : "Core";
}

/** How much a report matters. Pure. */
export function levelOf(report: DaemonReport): LogLevel {
  switch (report.type) {
    case "stalled":
      return "error";
    case "guarded":
      if (report.isOutdated === true && report.restored === "yes") return "info";
      return report.restored === "yes" ? "warn" : "error";
    case "contended":
    case "problem":
      return "warn";
    case "fallback":
      return report.devices.length === 0 ? "info" : "warn";
    case "probe":
      return report.passed ? "info" : "warn";
    case "protection":
      return report.holds ? "info" : "warn";
    case "portal":
      return report.state === "passed" || report.state === "left" ? "info" : "warn";
    case "woken":
      return "debug";
    default:
      return "info";
  }
}

/** Which reports are logged; it can be changed while the daemon runs. */
export class LogLevels {
  readonly #levels = new Map<LogComponent, LogLevel>();

  constructor(level: LogLevel) {
    this.set(level);
  }

  /** Of one component, or of all. */
  set(level: LogLevel, component?: LogComponent): void {
    for (const one of component === undefined ? LOG_COMPONENTS : [component]) this.#levels.set(one, level);
  }

  /** Whether the report is logged. */
  shows(report: DaemonReport): boolean {
    const level = this.#levels.get(componentOf(report)) ?? "debug";
    return LOG_LEVELS.indexOf(levelOf(report)) <= LOG_LEVELS.indexOf(level);
  }
}
