/** Shortest and longest wait between two tries. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

const DEFAULT_LIMITS: BackoffLimits = { firstMs: 1_000, longestMs: 60_000 };

/**
 * The wait before try number `attempt` (the first retry is 1), in milliseconds: doubles up to the longest. The upper
 * half is random, so hosts that failed together do not retry together. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number, limits: BackoffLimits = DEFAULT_LIMITS): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 52);
  const longest = Math.min(limits.firstMs * 2 ** doublings, limits.longestMs);
  return Math.round(longest / 2 + (longest / 2) * random);
}
