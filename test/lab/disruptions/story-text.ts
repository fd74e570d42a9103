/** One disruption as it went; times count from its end. */
export interface Played {
  readonly name: string;
  /** Wall clock, to find which one a leak belongs to. */
  readonly fromMs: number;
  /** Until the machine had its shape again; undefined when it did not within the limit. */
  readonly shapeMs: number | undefined;
  /** Until a ping by IPv4 and one by IPv6 were answered; undefined when none was within the limit. */
  readonly trafficMs: number | undefined;
  /** What was wrong at the limit. */
  readonly complaint?: string;
}

type Time = "shapeMs" | "trafficMs";

/** The times of all, what did not end well, and the times of each kind, the slowest first. */
export function renderStory(played: readonly Played[]): string {
  const kinds = [...Map.groupBy(played, ({ name }) => name)].map(([name, ones]) => ({ name, ones }));
  const stuck = played.filter(({ complaint }) => complaint !== undefined);
  return [
    `${played.length} disruptions of ${kinds.length} kinds, ${stuck.length} not recovered`,
    `shape again after ${renderTimes(played, "shapeMs")}; traffic again after ${renderTimes(played, "trafficMs")}`,
    ...stuck.map(({ name, complaint }) => `${name}: ${complaint}`),
    "by kind, median / 95th percentile / longest in ms, the slowest first:",
    ...kinds.toSorted((a, b) => slowest(b.ones) - slowest(a.ones)).map(({ name, ones }) => renderKind(name, ones)),
  ].join("\n");
}

function renderKind(name: string, ones: readonly Played[]): string {
  const times = (time: Time): string => [0.5, 0.95, 1].map((share) => timeAt(ones, time, share)).join(" / ");
  const stuck = ones.filter(({ complaint }) => complaint !== undefined).length;
  const end = stuck === 0 ? "" : `; ${stuck} not recovered`;
  return `  ${ones.length} × ${name}: shape ${times("shapeMs")}; traffic ${times("trafficMs")}${end}`;
}

function renderTimes(played: readonly Played[], time: Time): string {
  const at = (share: number): string => `${timeAt(played, time, share)} ms`;
  return `${at(0.5)} (median), ${at(0.95)} (p95), ${at(1)} (longest)`;
}

function slowest(ones: readonly Played[]): number {
  return Math.max(...ones.map(({ shapeMs, trafficMs }) => Math.max(shapeMs ?? Infinity, trafficMs ?? Infinity)));
}

/** The percentile by nearest rank, whole milliseconds, of those that ended well; "never" where none did. */
function timeAt(ones: readonly Played[], time: Time, share: number): string {
  const sorted = ones.flatMap((one) => one[time] ?? []).toSorted((a, b) => a - b);
  const found = sorted[Math.ceil(share * sorted.length) - 1];
  return found === undefined ? "never" : String(Math.round(found));
}
