/** Repairs of the last while, oldest first. */
export type RepairHistory = readonly { readonly key: string; readonly atMs: number }[];

/** Keys that somebody else keeps changing, and how long to leave them. */
export interface Contention {
  readonly keys: readonly string[];
  readonly waitMs: number;
}

const WINDOW_MS = 60_000;
/** This many repairs of one key within the window are a fight. */
const MAX_REPAIRS = 5;

/**
 * Notes that these keys are about to be repaired, unless one of them was repaired too often lately: then it is a fight,
 * which is left alone until the oldest repair is out of the window. The kill switch holds meanwhile. Pure.
 */
export function noteRepairs(
  history: RepairHistory,
  keys: readonly string[],
  nowMs: number,
): { readonly history: RepairHistory; readonly contention: Contention | undefined } {
  const recent = history.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
  const fought = keys.filter((key) => recent.filter((repair) => repair.key === key).length >= MAX_REPAIRS);
  if (fought.length === 0)
    return { history: [...recent, ...keys.map((key) => ({ key, atMs: nowMs }))], contention: undefined };
  const oldest = Math.min(...recent.filter(({ key }) => fought.includes(key)).map(({ atMs }) => atMs));
  return { history: recent, contention: { keys: fought, waitMs: WINDOW_MS - (nowMs - oldest) } };
}
