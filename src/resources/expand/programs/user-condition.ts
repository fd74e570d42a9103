import { LAST_UID } from "../../../model/firewall/packet.ts";
import type { UidRange } from "../../../model/firewall/policy.ts";
import type { ProgramCondition } from "./program-condition.ts";

/** The uids that fulfil a condition on users alone, ascending; undefined if it asks for anything else. */
export function uidsOf(condition: ProgramCondition): readonly UidRange[] | undefined {
  if ("atom" in condition) {
    if (!("users" in condition.atom)) return undefined;
    return joined(condition.atom.users.map(([from, to]) => ({ from, to })));
  }
  if ("not" in condition) {
    const without = uidsOf(condition.not);
    return without === undefined ? undefined : complement(without);
  }
  const parts = ("all" in condition ? condition.all : condition.any).map(uidsOf);
  const known = parts.filter((part) => part !== undefined);
  if (known.length < parts.length) return undefined;
  if ("any" in condition) return joined(known.flat());
  return complement(joined(known.flatMap(complement)));
}

function complement(ascending: readonly UidRange[]): UidRange[] {
  const starts = [0, ...ascending.map(({ to }) => to + 1)];
  const ends = [...ascending.map(({ from }) => from - 1), LAST_UID];
  return starts.map((from, index) => ({ from, to: ends[index] ?? LAST_UID })).filter(({ from, to }) => from <= to);
}

function joined(ranges: readonly UidRange[]): UidRange[] {
  const done: { from: number; to: number }[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = done.at(-1);
    if (last === undefined || range.from > last.to) done.push({ ...range });
    else last.to = Math.max(last.to, range.to);
  }
  return done;
}
