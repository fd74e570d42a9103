import type { NumberRange, Term } from "../../space/packet-fields.ts";
import type { PlainValue } from "./register-value.ts";

/** Byte strings between two included bounds, in the kernel's bytewise order. */
export interface ByteRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

type NumberValue = Extract<PlainValue, { kind: "number" }>;

/** A term, a constant result for every packet, or the reason why awg cannot read it. */
export type TermOrAnswer = Term | boolean | { readonly opaque: string };

const MAX_MARKS = 64n;

/** The condition that a register lies in one of the ranges, or with `not` in none of them. */
export function termOf(value: PlainValue, ranges: readonly ByteRange[], not: boolean): TermOrAnswer {
  switch (value.kind) {
    case "opaque":
      return isEveryValue(ranges) ? !not : { opaque: value.what };
    case "constant":
      return isInside(value.bytes, ranges) !== not;
    case "named": {
      const { dimension, bytesOf, only } = value;
      if (only !== undefined && !ranges.every((range) => isExactly(range, only))) return { opaque: "a route's type" };
      const mentions = dimension === "in" || dimension === "out" ? ranges.flatMap(deviceNames) : [];
      return { dimension, mentions, holds: (name) => isInside(bytesOf(name), ranges) !== not };
    }
    case "number":
      return value.dimension === "mark" ? markTerm(value, ranges, not) : numberTerm(value, ranges, not);
  }
}

/** The ranges contain all byte strings. */
function isEveryValue(ranges: readonly ByteRange[]): boolean {
  return ranges.some(({ from, to }) => from.every((byte) => byte === 0) && to.every((byte) => byte === 255));
}

function isExactly({ from, to }: ByteRange, bytes: Uint8Array): boolean {
  return Buffer.compare(from, bytes) === 0 && Buffer.compare(to, bytes) === 0;
}

function isInside(bytes: Uint8Array, ranges: readonly ByteRange[]): boolean {
  return ranges.some(({ from, to }) => orderOf(bytes, from) >= 0 && orderOf(bytes, to) <= 0);
}

/**
 * Compares as many bytes as the bound has. A loop is faster here than Buffer.compare, and this runs for each value of a
 * field.
 */
function orderOf(bytes: Uint8Array, bound: Uint8Array): number {
  for (let index = 0; index < bound.length; index += 1) {
    const difference = (bytes[index] ?? -1) - (bound[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Device names that this comparison distinguishes. A prefix gives two: itself and one longer name. */
function deviceNames({ from }: ByteRange): string[] {
  const end = from.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? from : from.subarray(0, end));
  // The bounds of "any device" are not device names.
  if (text < " ") return [];
  return end < 0 && from.length < 16 ? [text, `${text}0`.slice(0, 15)] : [text];
}

function markTerm(value: NumberValue, ranges: readonly ByteRange[], not: boolean): TermOrAnswer {
  const mask = Number(numberOf(value.mask, value.reversed));
  const xor = numberOf(value.xor, value.reversed);
  const values: number[] = [];
  for (const { from, to } of ranges) {
    const [first, last] = [numberOf(from, value.reversed), numberOf(to, value.reversed)];
    const isSingle = first === last;
    if (!isSingle && (value.reversed || last - first > MAX_MARKS)) return { opaque: "a wide range of marks" };
    for (let one = first; one <= last; one += 1n) {
      const wanted = Number(one ^ xor) >>> 0;
      if ((wanted & ~mask) >>> 0 === 0) values.push(wanted);
    }
  }
  return { dimension: "mark", mask: mask >>> 0, values, not };
}

function numberTerm(value: NumberValue, ranges: readonly ByteRange[], not: boolean): TermOrAnswer {
  const dimension = value.dimension as Exclude<NumberValue["dimension"], "mark">;
  const found = numberRanges(value, ranges) ?? (value.width <= 2 ? rangesByTrial(value, ranges) : undefined);
  if (found === undefined) return { opaque: `a mask of ${dimension} that is no prefix` };
  const bits = BigInt(8 * value.width);
  return { dimension, ranges: not ? complement(found, (1n << bits) - 1n) : found };
}

/** Converts byte ranges to ranges of the field. This works if the mask selects the upper bits. */
function numberRanges(value: NumberValue, ranges: readonly ByteRange[]): NumberRange[] | undefined {
  const length = value.mask.length;
  const mask = numberOf(value.mask, value.reversed);
  const xor = numberOf(value.xor, value.reversed);
  const all = (1n << BigInt(8 * length)) - 1n;
  const low = all ^ mask;
  const isPrefix = (low & (low + 1n)) === 0n;
  if (value.offset !== 0 || !isPrefix) return undefined;
  const shift = BigInt(8 * (value.width - length));
  const result: NumberRange[] = [];
  for (const { from, to } of ranges) {
    const [first, last] = [numberOf(from, value.reversed), numberOf(to, value.reversed)];
    const isSingle = first === last;
    if (!isSingle && (xor !== 0n || value.reversed)) return undefined;
    const [start, end] = isSingle ? [first ^ xor, first ^ xor] : [roundUp(first, low), last - (last & low)];
    if (isSingle && (start & low) !== 0n) continue;
    if (start > end) continue;
    result.push({ first: start << shift, last: ((end | low) << shift) | ((1n << shift) - 1n) });
  }
  return result;
}

/** The smallest number that is not below this one and has zeros in the low bits. */
function roundUp(number: bigint, low: bigint): bigint {
  return (number & low) === 0n ? number : (number | low) + 1n;
}

/** Fields of one or two bytes: tries every value. */
function rangesByTrial(
  { width, offset, mask, xor, reversed }: NumberValue,
  ranges: readonly ByteRange[],
): NumberRange[] {
  const found: { first: bigint; last: bigint }[] = [];
  const count = 256 ** width;
  const seen = new Uint8Array(mask.length);
  for (let number = 0; number < count; number += 1) {
    for (let index = 0; index < seen.length; index += 1) {
      const place = offset + (reversed ? seen.length - 1 - index : index);
      const byte = (number >> (8 * (width - 1 - place))) & 255;
      seen[index] = (byte & (mask[index] ?? 0)) ^ (xor[index] ?? 0);
    }
    if (!isInside(seen, ranges)) continue;
    const previous = found.at(-1);
    const here = BigInt(number);
    if (previous !== undefined && previous.last === here - 1n) previous.last = here;
    else found.push({ first: here, last: here });
  }
  return found;
}

function complement(ranges: readonly NumberRange[], last: bigint): NumberRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1));
  const gaps: NumberRange[] = [];
  let next = 0n;
  for (const range of sorted) {
    if (range.first > next) gaps.push({ first: next, last: range.first - 1n });
    if (range.last >= next) next = range.last + 1n;
  }
  if (next <= last) gaps.push({ first: next, last });
  return gaps;
}

function numberOf(bytes: Uint8Array, reversed: boolean): bigint {
  const ordered = reversed ? bytes.toReversed() : bytes;
  return ordered.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}
