import type { Config } from "../config/config.ts";
import { type BurstLimits, DEFAULT_BURST_LIMITS } from "../reconciler/machine/burst-guard.ts";

/** When the loop reads the host: `reconcile:` of the configuration, in milliseconds. */
export interface ReconcileIntervals {
  readonly limits: BurstLimits;
  /** It reads this often without any event. */
  readonly driftEveryMs: number;
}

export const DEFAULT_RECONCILE_INTERVALS: ReconcileIntervals = { limits: DEFAULT_BURST_LIMITS, driftEveryMs: 30_000 };

/** The intervals of a configuration, in seconds there; the default if it sets none. Pure. */
export function reconcileIntervalsOf({ reconcile }: Pick<Config, "reconcile">): ReconcileIntervals {
  if (reconcile === undefined) return DEFAULT_RECONCILE_INTERVALS;
  const { quiet, longest, driftEvery } = reconcile;
  return { limits: { quietMs: quiet * 1000, longestMs: longest * 1000 }, driftEveryMs: driftEvery * 1000 };
}
