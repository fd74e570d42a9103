import { PORTED_PROTOCOLS } from "../../../model/firewall/packet.ts";
import type { ClassSet, FlowMatch, PortRange } from "../../../model/firewall/policy.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../../../model/prefix.ts";

/**
 * Selects the flows that both matches select; undefined if no flow can match both, or where a match cannot say it: the
 * addresses of a dynamic set and other destinations at once. Pure.
 */
export function intersectMatches(a: FlowMatch, b: FlowMatch): FlowMatch | undefined {
  const sets = a.sets ?? b.sets;
  const isAnywhere = ({ destinations: prefixes, sets: named }: FlowMatch) =>
    prefixes === undefined && named === undefined;
  if (sets !== undefined && !isAnywhere(a) && !isAnywhere(b) && !isSamePlace(a, b)) return undefined;
  const destinations = both(a.destinations, b.destinations, commonPrefixes);
  const ports = both(a.ports, b.ports, commonRanges);
  const uids = both(a.uids, b.uids, commonRanges);
  const classes = commonClasses(a.classes, b.classes);
  if (classes !== undefined && "in" in classes && classes.in.length === 0) return undefined;
  if ([destinations, ports, uids].some((values) => values?.length === 0)) return undefined;
  if (a.protocol !== undefined && b.protocol !== undefined && a.protocol !== b.protocol) return undefined;
  const protocol = a.protocol ?? b.protocol;
  if (protocol !== undefined && ports !== undefined && !PORTED_PROTOCOLS.includes(protocol)) return undefined;
  return {
    ...(destinations === undefined ? {} : { destinations }),
    ...(sets === undefined ? {} : { sets }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { ports }),
    ...(uids === undefined ? {} : { uids }),
    ...(classes === undefined ? {} : { classes }),
  };
}

function isSamePlace(a: FlowMatch, b: FlowMatch): boolean {
  return JSON.stringify([a.destinations, a.sets]) === JSON.stringify([b.destinations, b.sets]);
}

function commonClasses(a: ClassSet | undefined, b: ClassSet | undefined): ClassSet | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if ("in" in a) return { in: a.in.filter((one) => ("in" in b ? b.in.includes(one) : !b.otherThan.includes(one))) };
  if ("in" in b) return commonClasses(b, a);
  return { otherThan: [...new Set([...a.otherThan, ...b.otherThan])].toSorted((one, other) => one - other) };
}

/** What is absent selects everything. */
function both<T>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
  common: (a: readonly T[], b: readonly T[]) => readonly T[],
): readonly T[] | undefined {
  return a === undefined || b === undefined ? (a ?? b) : common(a, b);
}

/** Lists may be long: each prefix is looked up by those that contain it. */
function commonPrefixes(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...within(a, b), ...within(b, a)])].toSorted();
}

function within(inner: readonly string[], outer: readonly string[]): string[] {
  const known = new Set(outer);
  return inner.filter((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) return false;
    for (let { length } = prefix; length >= 0; length -= 1)
      if (known.has(renderPrefix(canonicalPrefix({ ...prefix, length })))) return true;
    return false;
  });
}

function commonRanges(a: readonly PortRange[], b: readonly PortRange[]): readonly PortRange[] {
  return a
    .flatMap((one) => b.map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) })))
    .filter(({ from, to }) => from <= to);
}
