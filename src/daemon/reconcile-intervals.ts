import type { Config } from "../config/config.ts";
import { type BurstLimits, DEFAULT_BURST_LIMITS } from "../reconciler/machine/burst-guard.ts";

/** When the loop looks at the machine: `reconcile:` of the configuration, in milliseconds. */
export interface ReconcileIntervals {
  readonly limits: BurstLimits;
  /** It looks this often although nothing happened. */
  readonly driftEveryMs: number;
}

export const DEFAULT_RECONCILE_INTERVALS: ReconcileIntervals = { limits: DEFAULT_BURST_LIMITS, driftEveryMs: 30_000 };

/** The rhythm a configuration asks for; the default where it says nothing. Its times are in seconds. Pure. */
export function reconcileIntervalsOf({ reconcile }: Pick<Config, "reconcile">): ReconcileIntervals {
  if (reconcile === undefined) return DEFAULT_RECONCILE_INTERVALS;
  const { quiet, longest, driftEvery } = reconcile;
  return { limits: { quietMs: quiet * 1000, longestMs: longest * 1000 }, driftEveryMs: driftEvery * 1000 };
}
