import type { Term } from "../../space/packet-fields.ts";
import type { JoinedPart, JoinedValue, RegisterValue } from "./register-value.ts";
import { type ByteRange, termOf } from "./value-terms.ts";

/** All terms of one alternative must hold. Without alternatives no packet matches. */
export interface Condition {
  readonly any: readonly (readonly Term[])[];
  /** A further condition that awg cannot read: only some packets of the alternatives may match. */
  readonly opaque?: string;
}

/** Limit of alternatives for one comparison. No known program writes more. */
const MAX_ALTERNATIVES = 4_096;
const ALWAYS: Condition = { any: [[]] };
const NEVER: Condition = { any: [] };

/** The condition that a register lies in one of the ranges (or, `not`, in none of them), compared byte by byte. */
export function conditionOf(value: RegisterValue, ranges: readonly ByteRange[], not: boolean): Condition {
  if (value.kind === "joined") return joinedCondition(value, not ? gapsBetween(ranges) : ranges);
  const term = termOf(value, ranges, not);
  if (typeof term === "boolean") return term ? ALWAYS : NEVER;
  return "opaque" in term ? { any: [[]], opaque: term.opaque } : { any: [[term]] };
}

/** The conjunction of two conditions. */
export function bothConditions(a: Condition, b: Condition): Condition {
  const opaque = [a.opaque, b.opaque].filter((text) => text !== undefined).join(", ");
  const any = a.any.flatMap((some) => b.any.map((others) => [...some, ...others]));
  return { any, ...(opaque === "" ? {} : { opaque }) };
}

/** The disjunction of the conditions. */
export function eitherCondition(conditions: readonly Condition[]): Condition {
  const matching = conditions.filter(({ any }) => any.length > 0);
  const doubts = [...new Set(matching.flatMap(({ opaque }) => opaque ?? []))];
  return { any: matching.flatMap(({ any }) => any), ...(doubts.length === 0 ? {} : { opaque: doubts.join(", ") }) };
}

function joinedCondition({ parts }: JoinedValue, ranges: readonly ByteRange[]): Condition {
  const found = eitherCondition(ranges.map(({ from, to }) => between(parts, from, to)));
  if (found.any.length <= MAX_ALTERNATIVES) return found;
  return { any: [[]], opaque: "a comparison of several fields with very many values" };
}

/**
 * The consecutive fields lie between two byte strings. The first field decides unless it equals a bound; then the rest
 * decides.
 */
function between(parts: readonly JoinedPart[], from: Uint8Array, to: Uint8Array): Condition {
  const [part, ...rest] = parts;
  if (part === undefined || from.length === 0) return ALWAYS;
  const bytes = Math.min(part.bytes, from.length);
  const [first, last] = [from.slice(0, bytes), to.slice(0, bytes)];
  const [lower, upper] = [from.subarray(bytes), to.subarray(bytes)];
  const order = Buffer.compare(first, last);
  if (order > 0) return NEVER;
  const holds = (start: Uint8Array, end: Uint8Array) => conditionOf(part.value, [{ from: start, to: end }], false);
  if (order === 0) return bothConditions(holds(first, first), between(rest, lower, upper));
  const [zeros, ones] = [new Uint8Array(lower.length), new Uint8Array(lower.length).fill(255)];
  const isOpenBelow = Buffer.compare(lower, zeros) === 0;
  const isOpenAbove = Buffer.compare(upper, ones) === 0;
  const start = isOpenBelow ? first : nextBytes(first, 1);
  const end = isOpenAbove ? last : nextBytes(last, -1);
  return eitherCondition([
    ...(Buffer.compare(start, end) > 0 ? [] : [holds(start, end)]),
    ...(isOpenBelow ? [] : [bothConditions(holds(first, first), between(rest, lower, ones))]),
    ...(isOpenAbove ? [] : [bothConditions(holds(last, last), between(rest, zeros, upper))]),
  ]);
}

/** All byte strings of the same length outside the ranges. */
function gapsBetween(ranges: readonly ByteRange[]): ByteRange[] {
  const sorted = ranges.toSorted((a, b) => Buffer.compare(a.from, b.from));
  const length = sorted[0]?.from.length ?? 0;
  if (length === 0) return [];
  const gaps: ByteRange[] = [];
  let next: Uint8Array | undefined = new Uint8Array(length);
  for (const { from, to } of sorted) {
    if (next === undefined) break;
    if (Buffer.compare(from, next) > 0) gaps.push({ from: next, to: nextBytes(from, -1) });
    if (Buffer.compare(to, next) >= 0) next = to.every((byte) => byte === 255) ? undefined : nextBytes(to, 1);
  }
  return next === undefined ? gaps : [...gaps, { from: next, to: new Uint8Array(length).fill(255) }];
}

/** Adds one to, or subtracts one from, a byte string as a big-endian number. */
function nextBytes(bytes: Uint8Array, step: 1 | -1): Uint8Array {
  const next = bytes.slice();
  for (let index = next.length - 1; index >= 0; index -= 1) {
    const byte = next[index] ?? 0;
    next[index] = (byte + step + 256) % 256;
    if (byte !== (step === 1 ? 255 : 0)) break;
  }
  return next;
}
