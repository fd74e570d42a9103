import { isTunnelNumber, PATH_NUMBERS, TABLE_BASE } from "../../../model/ownership.ts";
import type { Resource } from "../../../model/resource.ts";

/** The path number of each tunnel, by its key. */
export type PathNumbers = Readonly<Record<string, number>>;

/**
 * Assigns each tunnel its path number. A tunnel keeps its number. A new one gets the lowest that no tunnel of this or
 * the last state has, so that a table does not change its owner in one step. If none is free it gets the number that
 * was released first. Tunnels beyond the last number are missing in the result.
 */
export function assignPathNumbers(tunnels: readonly string[], previous: PathNumbers): Record<string, number> {
  const assigned = new Map<string, number>();
  const taken = new Set<number>();
  const gone: number[] = [];
  for (const [tunnel, number] of Object.entries(previous)) {
    if (!isTunnelNumber(number) || taken.has(number)) continue;
    taken.add(number);
    if (tunnels.includes(tunnel)) assigned.set(tunnel, number);
    else gone.push(number);
  }
  for (const tunnel of tunnels) {
    if (assigned.has(tunnel)) continue;
    const free = firstFree(taken) ?? gone.pop();
    if (free === undefined) continue;
    taken.add(free);
    assigned.set(tunnel, free);
  }
  return Object.fromEntries(tunnels.flatMap((tunnel) => pairOf(tunnel, assigned.get(tunnel))));
}

/** This many numbers are kept for current and removed tunnels: fifty are left for new ones. */
const MOST_REMEMBERED = 200;

/**
 * Path numbers including those of removed tunnels: a tunnel that returns, for example by a rollback, gets its old
 * number. Numbers in use take precedence. Pure.
 */
export function rememberNumbers(before: PathNumbers, now: PathNumbers): PathNumbers {
  const taken = new Set(Object.values(now));
  const gone = Object.entries(before).filter(
    ([name, number]) => !Object.hasOwn(now, name) && !taken.has(number) && isTunnelNumber(number),
  );
  return { ...now, ...Object.fromEntries(gone.slice(0, Math.max(0, MOST_REMEMBERED - taken.size))) };
}

/** The path numbers in these resources: input of the next `assignPathNumbers`. */
export function pathNumbersOf(resources: readonly Resource[]): PathNumbers {
  return Object.fromEntries(
    resources.flatMap((resource) =>
      resource.kind === "routes" &&
      resource.spec.table !== undefined &&
      isTunnelNumber(resource.spec.table - TABLE_BASE)
        ? [[resource.key.slice("routes/".length), resource.spec.table - TABLE_BASE]]
        : [],
    ),
  );
}

function firstFree(taken: ReadonlySet<number>): number | undefined {
  for (let number = PATH_NUMBERS.firstTunnel; number <= PATH_NUMBERS.lastTunnel; number++) {
    if (isTunnelNumber(number) && !taken.has(number)) return number;
  }
  return undefined;
}

function pairOf(tunnel: string, number: number | undefined): [string, number][] {
  return number === undefined ? [] : [[tunnel, number]];
}
