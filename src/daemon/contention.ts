/** Repairs of the last while, oldest first. */
export type RepairHistory = readonly { readonly key: string; readonly atMs: number }[];

/** Keys that another program keeps changing, and how long to leave them. */
export interface Contention {
  readonly keys: readonly string[];
  readonly waitMs: number;
}

const WINDOW_MS = 60_000;
/** This many repairs of one key within the window are a fight. */
const MAX_REPAIRS = 5;
/** In a fight each repair waits twice as long after the one before. */
const WAIT = { firstMs: 1_000, longestMs: 30_000 } as const;

/** A program that changed one of awg's resources, and the resource. */
export interface Rival {
  /** As events name it: "policy rules". */
  readonly what: string;
  /** One entry for all of the same kind. */
  readonly kind: string;
  readonly text: string;
  readonly atMs: number;
}

/** Limits of the rivals that are remembered and reported per fight. */
const MOST_RIVALS = { kept: 20, reported: 3 } as const;

/** Which resources a change of each kind contends for; other changes play no part. */
const FOUGHT_WITH: Readonly<Record<string, RegExp>> = {
  "policy rules": /^routes\/policy$/,
  routes: /^routes\//,
  "default route": /^routes\//,
  "primary service": /^routes\//,
  addresses: /^link\//,
};

/** Notes a rival in place of an earlier one of its kind, the latest last. Pure. */
export function noteRival(rivals: readonly Rival[], rival: Rival): readonly Rival[] {
  const others = rivals.filter(({ what, kind }) => what !== rival.what || kind !== rival.kind);
  return [...others, rival].slice(-MOST_RIVALS.kept);
}

/** Recent rivals for these keys, the latest first. Pure. */
export function rivalsFor(rivals: readonly Rival[], keys: readonly string[], nowMs: number): readonly string[] {
  const isPart = ({ what, atMs }: Rival): boolean =>
    nowMs - atMs < WINDOW_MS && keys.some((key) => FOUGHT_WITH[what]?.test(key) === true);
  return rivals
    .filter(isPart)
    .map(({ text }) => text)
    .reverse()
    .slice(0, MOST_RIVALS.reported);
}

/**
 * Notes that these keys are about to be repaired, unless each was repaired too often lately. Then it is a fight, in
 * which every repair waits longer than the one before. All other keys are repaired at once with the rest of the plan.
 * The packet filter is never left (law 1). Pure.
 */
export function noteRepairs(
  history: RepairHistory,
  keys: readonly string[],
  nowMs: number,
): { readonly history: RepairHistory; readonly contention: Contention | undefined } {
  const recent = history.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
  const waits = new Map(keys.map((key) => [key, waitMsOf(recent, key, nowMs)]));
  const fought = keys.filter((key) => (waits.get(key) ?? 0) > 0);
  if (fought.length < keys.length || fought.length === 0)
    return { history: [...recent, ...keys.map((key) => ({ key, atMs: nowMs }))], contention: undefined };
  return { history: recent, contention: { keys: fought, waitMs: Math.min(...waits.values()) } };
}

function waitMsOf(recent: RepairHistory, key: string, nowMs: number): number {
  if (key.startsWith("firewall/")) return 0;
  const repairs = recent.filter((repair) => repair.key === key);
  const last = repairs.at(-1);
  if (last === undefined || repairs.length < MAX_REPAIRS) return 0;
  const gapMs = Math.min(WAIT.longestMs, WAIT.firstMs * 2 ** (repairs.length - MAX_REPAIRS));
  return Math.max(0, gapMs - (nowMs - last.atMs));
}
