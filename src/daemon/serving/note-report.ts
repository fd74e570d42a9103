import type { DaemonActivity, DaemonState } from "../../state/daemon/daemon-state.ts";
import type { DaemonReport } from "../daemon-report.ts";

/** Repairs within this time make a fight (src/daemon/contention.ts): so long after the last one it is over. */
const FIGHT_MS = 60_000;
const MOST = { reasonLength: 2_000, keys: 50 } as const;

/**
 * The state after a report. Stalled and contended begin with their first report and end when the host is in sync, a fight a
 * minute after it was last seen; an activity lasts until another begins. Pure.
 */
export function noteReport(before: DaemonState, report: DaemonReport, nowMs: number): DaemonState {
  const now = (phase: DaemonActivity["phase"], more: Partial<DaemonActivity> = {}): Pick<DaemonState, "doing"> => {
    const sinceMs = before.doing?.phase === phase ? before.doing.sinceMs : nowMs;
    return { doing: { phase, sinceMs, ...more } };
  };
  switch (report.type) {
    case "woken":
      // A look mostly finds nothing to do; it does not end "in sync since".
      return before.doing === undefined ? { ...before, ...now("looking") } : before;
    case "applying":
      return {
        ...before,
        ...now(report.proposed ? "applying" : "repairing", { keys: report.keys.slice(0, MOST.keys) }),
      };
    case "applied":
      return { ...before, ...now("looking") };
    case "stalled": {
      // The fight is the cause, and is recorded as such.
      if (report.fight === true) return before;
      const sinceMs = before.stalled?.sinceMs ?? nowMs;
      const stalled = { reason: report.reason.slice(0, MOST.reasonLength), sinceMs };
      return { ...before, ...now("waiting", { nextTryMs: nowMs + Math.round(report.retryInMs) }), stalled };
    }
    case "contended": {
      const { keys, by } = report;
      const sinceMs = before.contended?.sinceMs ?? nowMs;
      const contended = { keys: keys.slice(0, MOST.keys), by, sinceMs, lastMs: nowMs };
      return { ...before, ...now("waiting", { nextTryMs: nowMs + Math.round(report.waitMs) }), contended };
    }
    case "fallback": {
      const { down: _before, ...rest } = before;
      return report.devices.length === 0 ? rest : { ...rest, down: report.devices };
    }
    case "portal": {
      const { portal: _before, ...rest } = before;
      if (report.state === "passed" || report.state === "left") return rest;
      return { ...rest, portal: { url: report.url, isOpen: report.state === "open", sinceMs: nowMs } };
    }
    case "inSync": {
      const { stalled: _stalled, contended, ...rest } = before;
      const isFought = contended !== undefined && nowMs - (contended.lastMs ?? nowMs) < FIGHT_MS;
      return {
        ...rest,
        ...(isFought ? { contended } : {}),
        ...now("in-sync", report.filesNotApplied === true ? { filesNotApplied: true } : {}),
      };
    }
    default:
      return before;
  }
}
