import { rateOf } from "./rates.ts";
import type { ProgramTraffic } from "./top-report.ts";
import type { TopSort } from "./top-sorts.ts";

/** A program at its place in the list; depth 0 unless it is a tree. */
export interface PlacedProgram {
  readonly program: ProgramTraffic;
  readonly depth: number;
}

type Comparison = (a: ProgramTraffic, b: ProgramTraffic) => number;

const COMPARE: Readonly<Record<TopSort, Comparison>> = {
  rate: (a, b) => rateOf(b) - rateOf(a),
  received: (a, b) => b.receivedPerSecond - a.receivedPerSecond,
  sent: (a, b) => b.sentPerSecond - a.sentPerSecond,
  connections: (a, b) => b.connections.length - a.connections.length,
  pid: (a, b) => a.line.program.pid - b.line.program.pid,
  name: (a, b) => a.line.program.name.localeCompare(b.line.program.name, "en"),
};

/** The programs with sockets; equal ones by pid, so that lines stay where they are. Pure. */
export function listInOrder(programs: readonly ProgramTraffic[], sort: TopSort): readonly PlacedProgram[] {
  return programs
    .filter(hasSockets)
    .toSorted(stable(COMPARE[sort]))
    .map((program) => ({ program, depth: 0 }));
}

/** The programs with sockets below their parents, which are listed, too; a branch is sorted by its best program. Pure. */
export function treeInOrder(programs: readonly ProgramTraffic[], sort: TopSort): readonly PlacedProgram[] {
  const byPid = new Map(programs.map((one) => [one.line.program.pid, one]));
  const needed = new Set<ProgramTraffic>();
  for (const one of programs.filter(hasSockets)) {
    for (let at: ProgramTraffic | undefined = one; at !== undefined && !needed.has(at); ) {
      needed.add(at);
      at = byPid.get(at.line.program.parentPid);
    }
  }
  const parentOf = (one: ProgramTraffic): ProgramTraffic | undefined => byPid.get(one.line.program.parentPid);
  const children = Map.groupBy(needed, parentOf);
  const compare = stable(COMPARE[sort]);
  const best = new Map<ProgramTraffic, ProgramTraffic>();
  const bestOf = (one: ProgramTraffic): ProgramTraffic => {
    const known = best.get(one);
    if (known !== undefined) return known;
    best.set(one, one);
    const [first = one] = [one, ...(children.get(one) ?? []).map(bestOf)].toSorted(compare);
    best.set(one, first);
    return first;
  };
  const place = (some: readonly ProgramTraffic[], depth: number): readonly PlacedProgram[] =>
    some
      .toSorted((a, b) => compare(bestOf(a), bestOf(b)))
      .flatMap((program) => [{ program, depth }, ...place(children.get(program) ?? [], depth + 1)]);
  return place(children.get(undefined) ?? [], 0);
}

function hasSockets({ connections, udpSockets }: ProgramTraffic): boolean {
  return connections.length + udpSockets > 0;
}

function stable(compare: Comparison): Comparison {
  return (a, b) => compare(a, b) || COMPARE.pid(a, b);
}
