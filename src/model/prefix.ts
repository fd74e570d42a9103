import { addressBits, compareIp, type Family, parseIp, renderIp } from "./ip.ts";

/**
 * A prefix: the first `length` bits of `address`. The result of `parsePrefix` may have host bits (`hasHostBits`); every
 * other function here ignores them and returns canonical prefixes. In specs and plans prefixes are the strings of
 * `renderPrefix(canonicalPrefix(p))`.
 */
export interface Prefix {
  readonly family: Family;
  readonly address: bigint;
  readonly length: number;
}

/** Reads `address/length`; a bare address means /32 or /128. `undefined` when the text is neither. Host bits are kept. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === undefined) return undefined;
  const bits = addressBits(ip.family);
  if (slash < 0) return { family: ip.family, address: ip.value, length: bits };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > bits ? undefined : { family: ip.family, address: ip.value, length };
}

/** Writes `address/length`, the length always spelled out. */
export function renderPrefix(prefix: Prefix): string {
  return `${renderIp({ family: prefix.family, value: prefix.address })}/${prefix.length}`;
}

/** Whether host bits are set, as in 10.0.0.1/8. */
export function hasHostBits(prefix: Prefix): boolean {
  return (prefix.address & hostMask(prefix)) !== 0n;
}

/** The same prefix without host bits. */
export function canonicalPrefix(prefix: Prefix): Prefix {
  // A remainder of numbers takes a tenth of the time of bigints; most prefixes are canonical.
  if (prefix.family === 4 && Number(prefix.address) % 2 ** (32 - prefix.length) === 0) return prefix;
  return { family: prefix.family, address: firstAddress(prefix), length: prefix.length };
}

/** Whether every address of `inner` is in `outer`. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  return (outer.address ^ inner.address) >> BigInt(addressBits(outer.family) - outer.length) === 0n;
}

/** Whether some address is in both. */
export function prefixOverlaps(a: Prefix, b: Prefix): boolean {
  return prefixContains(a, b) || prefixContains(b, a);
}

/** Order of prefixes: IPv4 before IPv6, by address, the wider one first. */
export function comparePrefix(a: Prefix, b: Prefix): number {
  const byAddress = compareIp(
    { family: a.family, value: firstAddress(a) },
    { family: b.family, value: firstAddress(b) },
  );
  return byAddress !== 0 ? byAddress : a.length - b.length;
}

/** First and last address of a prefix, both inside it. */
export function prefixRange(prefix: Prefix): { first: bigint; last: bigint } {
  const first = firstAddress(prefix);
  return { first, last: first | hostMask(prefix) };
}

/** The fewest prefixes that cover exactly the addresses first..last, in order. */
export function prefixesOfRange(family: Family, first: bigint, last: bigint): Prefix[] {
  const bits = addressBits(family);
  const prefixes: Prefix[] = [];
  let next = first;
  while (next <= last) {
    let free = 0;
    while (free < bits && isAlignedBlock(next, free + 1, last)) free += 1;
    prefixes.push({ family, address: next, length: bits - free });
    next += 1n << BigInt(free);
  }
  return prefixes;
}

/**
 * The fewest prefixes that cover exactly the same addresses, in order: contained ones are dropped, neighbours joined.
 */
export function mergePrefixes(prefixes: readonly Prefix[]): Prefix[] {
  const wide = unionRanges(6, prefixes).flatMap((range) => prefixesOfRange(6, range.first, range.last));
  return [...mergeIpv4(prefixes), ...wide];
}

/** The same in numbers, for IPv4: lists have tens of thousands of prefixes, and bigints take several times as long. */
function mergeIpv4(prefixes: readonly Prefix[]): Prefix[] {
  const ranges = prefixes.flatMap(({ family, address, length }) => {
    const size = 2 ** (32 - length);
    const first = Math.floor(Number(address) / size) * size;
    return family === 4 ? [{ first, last: first + size - 1 }] : [];
  });
  ranges.sort((a, b) => a.first - b.first);
  const merged: Prefix[] = [];
  let index = 0;
  while (index < ranges.length) {
    let { first: next, last } = ranges[index] as { readonly first: number; readonly last: number };
    for (index += 1; index < ranges.length; index += 1) {
      const following = ranges[index] as { readonly first: number; readonly last: number };
      if (following.first > last + 1) break;
      last = Math.max(last, following.last);
    }
    while (next <= last) {
      let free = 0;
      while (free < 32 && next % 2 ** (free + 1) === 0 && next + 2 ** (free + 1) - 1 <= last) free += 1;
      merged.push({ family: 4, address: BigInt(next), length: 32 - free });
      next += 2 ** free;
    }
  }
  return merged;
}

/** The addresses of `from` that are not in `minus`, as the fewest prefixes, in order. */
export function subtractPrefixes(from: readonly Prefix[], minus: readonly Prefix[]): Prefix[] {
  return ([4, 6] as const).flatMap((family) =>
    subtractRanges(unionRanges(family, from), unionRanges(family, minus)).flatMap((range) =>
      prefixesOfRange(family, range.first, range.last),
    ),
  );
}

interface Range {
  first: bigint;
  last: bigint;
}

const HOST_MASKS: Readonly<Record<Family, readonly bigint[]>> = { 4: hostMasks(32), 6: hostMasks(128) };

function hostMasks(bits: number): bigint[] {
  return Array.from({ length: bits + 1 }, (_, length) => (1n << BigInt(bits - length)) - 1n);
}

function hostMask(prefix: Prefix): bigint {
  return HOST_MASKS[prefix.family][prefix.length] ?? 0n;
}

function firstAddress(prefix: Prefix): bigint {
  return prefix.address & ~hostMask(prefix);
}

function isAlignedBlock(address: bigint, freeBits: number, last: bigint): boolean {
  const size = 1n << BigInt(freeBits);
  return (address & (size - 1n)) === 0n && address + size - 1n <= last;
}

function unionRanges(family: Family, prefixes: readonly Prefix[]): Range[] {
  const sorted = prefixes.filter((prefix) => prefix.family === family).map(prefixRange);
  sorted.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const union: Range[] = [];
  for (const range of sorted) {
    const previous = union.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) union.push({ ...range });
    else if (range.last > previous.last) previous.last = range.last;
  }
  return union;
}

/** Both lists are sorted and disjoint, so one walk over each is enough. */
function subtractRanges(from: readonly Range[], minus: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let index = 0;
  for (const range of from) {
    let first = range.first;
    while (index < minus.length && (minus[index] as Range).last < first) index += 1;
    for (let at = index; at < minus.length && first <= range.last; at += 1) {
      const hole = minus[at] as Range;
      if (hole.first > range.last) break;
      if (hole.first > first) rest.push({ first, last: hole.first - 1n });
      first = hole.last + 1n;
    }
    if (first <= range.last) rest.push({ first, last: range.last });
  }
  return rest;
}
