import type { DaemonRecord } from "../state/daemon/daemon-file.ts";
import type { DaemonReport } from "./daemon-report.ts";

/** The part of the record that follows from the daemon's reports. */
export type DaemonConditions = Omit<DaemonRecord, "pid">;

const MOST = { reasonLength: 2_000, keys: 50 } as const;

/** The conditions after a report; each begins with its first report and ends when the host is in sync. Pure. */
export function noteReport(before: DaemonConditions, report: DaemonReport, nowMs: number): DaemonConditions {
  switch (report.type) {
    case "stalled": {
      const sinceMs = before.stalled?.sinceMs ?? nowMs;
      return { ...before, stalled: { reason: report.reason.slice(0, MOST.reasonLength), sinceMs } };
    }
    case "contended": {
      const { keys, by } = report;
      const sinceMs = before.contended?.sinceMs ?? nowMs;
      return { ...before, contended: { keys: keys.slice(0, MOST.keys), by, sinceMs } };
    }
    case "inSync":
      return {};
    default:
      return before;
  }
}
