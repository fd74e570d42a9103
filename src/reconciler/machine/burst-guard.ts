/** A burst of events that is not yet handled; null when there is none. Times in milliseconds of any steady clock. */
export type PendingBurst = { readonly firstMs: number; readonly lastMs: number } | null;

/** Act when no event has come for `quietMs`, but no later than `longestMs` after the first one. */
export interface BurstLimits {
  readonly quietMs: number;
  readonly longestMs: number;
}

export const DEFAULT_BURST_LIMITS: BurstLimits = { quietMs: 200, longestMs: 2_000 };

/** The burst with one more event. */
export function joinBurst(burst: PendingBurst, nowMs: number): PendingBurst {
  return { firstMs: burst?.firstMs ?? nowMs, lastMs: nowMs };
}

/** When to act on the burst; undefined when there is none. Call again after each event. */
export function burstDueMs(burst: PendingBurst, limits: BurstLimits = DEFAULT_BURST_LIMITS): number | undefined {
  if (burst === null) return undefined;
  return Math.min(burst.lastMs + limits.quietMs, burst.firstMs + limits.longestMs);
}
