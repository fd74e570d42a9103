import type { HeaderPoint } from "./header-point.ts";
import {
  all,
  deviceIn,
  type Formula,
  fragmentIs,
  markIs,
  NO_USER,
  type NumberDimension,
  nextHopIs,
  numberIs,
  trackedAs,
} from "./packet-fields.ts";

/** The condition that only this packet satisfies. */
export function pointFormula(point: HeaderPoint): Formula {
  const numbers: Readonly<Record<NumberDimension, number | bigint>> = {
    user: point.user ?? NO_USER,
    protocol: point.protocol,
    length: point.length,
    hops: point.hops,
    sender: point.sender ?? 0,
    word0: point.word0,
    word2: point.word2,
    destination: point.destination.value,
    source: point.source.value,
  };
  return all(
    deviceIn("in", [point.in]),
    deviceIn("out", [point.out]),
    trackedAs(point.tracking),
    fragmentIs(point.fragment),
    nextHopIs(point.hop),
    { kind: "term", term: { dimension: "sets", holds: (held) => isSameSet(held, point.sets ?? []) } },
    markIs(0xffff_ffff, point.mark),
    ...Object.entries(numbers).map(([name, value]) => numberIs(name as NumberDimension, value)),
  );
}

function isSameSet(held: string, sets: readonly string[]): boolean {
  return held.split(",").filter(Boolean).toSorted().join() === sets.toSorted().join();
}
