const SECOND_MS = 1_000;

/** Largest first: what a person says of a time that has passed. */
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["days", 86_400 * SECOND_MS],
  ["h", 3_600 * SECOND_MS],
  ["min", 60 * SECOND_MS],
  ["s", SECOND_MS],
];

/** "2 min", "3 days"; a clock that was set back makes nothing later than now. Both in milliseconds since the epoch. */
export function passedText(atMs: number, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - atMs);
  const [name, ms] = UNITS.find(([unit, least]) => passedMs >= (unit === "days" ? 2 * least : least)) ?? [
    "s",
    SECOND_MS,
  ];
  return `${Math.floor(passedMs / ms)} ${name}`;
}
