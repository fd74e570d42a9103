import type { DaemonState } from "../../state/daemon/daemon-state.ts";
import type { DaemonReport } from "../daemon-report.ts";

/** How often it happened since this daemon began. */
export interface DaemonCounts {
  /** A proposed config that was applied. */
  readonly applies: number;
  /** What others changed, and the daemon restored. */
  readonly repairs: number;
  /** Attempts to change the host that failed, and resources that could not be repaired. */
  readonly failures: number;
  /** Times that another program kept changing the same resources. */
  readonly fights: number;
  /** Times that the packet filter was gone or damaged, and was loaded again. */
  readonly filterRestored: number;
}

export const NO_COUNTS: DaemonCounts = { applies: 0, repairs: 0, failures: 0, fights: 0, filterRestored: 0 };

/**
 * The counts after a report. Pure.
 *
 * @param before what the daemon did until this report
 */
export function countReport(counts: DaemonCounts, before: DaemonState, report: DaemonReport): DaemonCounts {
  switch (report.type) {
    case "applied":
      return before.doing?.phase === "applying"
        ? { ...counts, applies: counts.applies + 1 }
        : { ...counts, repairs: counts.repairs + 1 };
    case "stalled":
      return { ...counts, failures: counts.failures + 1 };
    case "contended":
      return { ...counts, fights: counts.fights + 1 };
    case "guarded":
      return { ...counts, filterRestored: counts.filterRestored + 1 };
    default:
      return counts;
  }
}
