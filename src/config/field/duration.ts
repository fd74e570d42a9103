import { type Fault, fault, isFault, leaf, quote, wrongType } from "./leaf.ts";
import { durationPattern, secondsRangePattern } from "./patterns.ts";

/** Shortest and longest duration in seconds; equal for a single value. */
export type SecondsRange = readonly [minimum: number, maximum: number];

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };

/** A duration, `25` or `25s`, `500ms`, `2m`, `1h`, `1d`: seconds as a number. */
export function duration(minimumSeconds: number, maximumSeconds: number) {
  const json = {
    anyOf: [
      { type: "number", minimum: minimumSeconds, maximum: maximumSeconds },
      { type: "string", pattern: durationPattern(maximumSeconds) },
    ],
  };
  return leaf({ ...json, form: "duration" }, (input): number | Fault => {
    const seconds = readSeconds(input, "25, 25s, 2m or 1h");
    return isFault(seconds) ? seconds : checkBounds(seconds, minimumSeconds, maximumSeconds);
  });
}

/** Whole seconds or a range of them, `25`, `25s` or `20-30`. */
export function durationRange(minimumSeconds: number, maximumSeconds: number) {
  const json = {
    anyOf: [
      { type: "number", minimum: minimumSeconds, maximum: maximumSeconds },
      { type: "string", pattern: secondsRangePattern(maximumSeconds) },
    ],
  };
  return leaf({ ...json, form: "duration or range" }, (input): SecondsRange | Fault => {
    const ends = typeof input === "string" ? splitRange(input) : [input, input];
    const first = readSeconds(ends[0], "25, 25s or 20-30");
    const last = readSeconds(ends[1], "25, 25s or 20-30");
    if (isFault(first)) return first;
    if (isFault(last)) return last;
    if (first > last) {
      return fault("duration-range", `the range ${quote(String(input))} is reversed`, `use ${ends[1]}-${ends[0]}`);
    }
    if (!Number.isInteger(first) || !Number.isInteger(last)) {
      return fault("number-not-whole", `${quote(String(input))} is not in whole seconds`, "use whole seconds");
    }
    const outside = [first, last].map((end) => checkBounds(end, minimumSeconds, maximumSeconds)).find(isFault);
    return outside ?? [first, last];
  });
}

/** In `20-30s` the unit applies to both ends. */
function splitRange(input: string): readonly [string, string] {
  const parts = input.split("-");
  const [first = "", last = first] = parts;
  if (parts.length > 2) return [input, input];
  const unit = /[a-z]+$/.exec(last)?.[0] ?? "";
  return [/[a-z]$/.test(first) || first === "" ? first : `${first}${unit}`, last];
}

function readSeconds(input: unknown, example: string): number | Fault {
  if (typeof input === "number" && Number.isFinite(input) && input >= 0) return input;
  if (typeof input === "number")
    return fault("duration-syntax", `${input} is not a duration`, `for example ${example}`);
  if (typeof input !== "string") return wrongType(input, `a duration such as ${example}`);
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?$/.exec(input.slice(0, 40));
  if (match === null) return fault("duration-syntax", `${quote(input)} is not a duration`, `for example ${example}`);
  const seconds = Number(match[1]) * (SECONDS_PER_UNIT[match[2] ?? "s"] ?? 1);
  return Math.round(seconds * 1000) / 1000;
}

function checkBounds(seconds: number, minimum: number, maximum: number): number | Fault {
  if (seconds >= minimum && seconds <= maximum) return seconds;
  return fault(
    "duration-range",
    `${seconds} s is outside ${minimum} to ${maximum} s`,
    `use ${minimum}s to ${maximum}s`,
  );
}
