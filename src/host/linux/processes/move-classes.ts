import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { type ClassContext, classOfProgram } from "../../../model/program/program-class.ts";
import { realPaths } from "../../../native/linux/real-path.ts";
import { ProcFolder } from "./proc-folder.ts";
import { type Holder, readClass, withSocket, writeClass } from "./socket-class.ts";

/** The classifier that gave the open sockets their numbers, and the one that is loaded now. */
export interface ClassifierChange {
  readonly before: ClassifierSpec | undefined;
  readonly after: ClassifierSpec;
}

/** A socket with a number that the classifier gives no more. */
interface Outdated {
  readonly number: number;
  readonly holders: Holder[];
}

/**
 * Gives open sockets of a network namespace the numbers that their programs have now, so that a connection outlives a change
 * of other rules. All its holders must be programs that had the socket's number before: what another program opened, or
 * what cannot be read, keeps a number that counts as none (S4.13).
 *
 * @returns how many sockets got another number
 */
export function moveClasses(change: ClassifierChange, namespace: bigint, proc = new ProcFolder()): number {
  const retired = retiredNumbers(change);
  if (retired.size === 0) return 0;
  const outdated = outdatedSockets(retired, namespace, proc);
  if (outdated.length === 0) return 0;
  const nextOf = numbersOfPrograms(change, contextOf(proc));
  let moved = 0;
  for (const { number, holders } of outdated) {
    const [next, ...others] = new Set(holders.map(({ pid }) => nextOf(pid, number)));
    const [holder] = holders;
    if (holder === undefined || next === undefined || others.length > 0) continue;
    const isMoved = withSocket(holder, (socket) => readClass(socket, namespace) === number && writeClass(socket, next));
    if (isMoved === true) moved += 1;
  }
  return moved;
}

/** Numbers that no class has any more. */
function retiredNumbers({ before, after }: ClassifierChange): ReadonlySet<number> {
  const kept = new Set(after.classes.map(({ number }) => number));
  return new Set(before?.classes.map(({ number }) => number).filter((number) => !kept.has(number)));
}

function outdatedSockets(retired: ReadonlySet<number>, namespace: bigint, proc: ProcFolder): readonly Outdated[] {
  const found = new Map<number, Outdated | undefined>();
  for (const pid of proc.pids()) {
    for (const { descriptor, inode } of proc.sockets(pid) ?? []) {
      const holder = { pid, descriptor: Number(descriptor) };
      if (!found.has(inode)) {
        const number = withSocket(holder, (socket) => readClass(socket, namespace)) ?? 0;
        found.set(inode, retired.has(number) ? { number, holders: [] } : undefined);
      }
      found.get(inode)?.holders.push(holder);
    }
  }
  return [...found.values()].filter((one) => one !== undefined);
}

/** The next number of a process whose program had a number before; undefined for any other. Each is computed once. */
function numbersOfPrograms(
  { before, after }: ClassifierChange,
  around: ClassContext,
): (pid: number, number: number) => number | undefined {
  const known = new Map<number, readonly [had: number | undefined, has: number | undefined]>();
  const look = (pid: number): readonly [number | undefined, number | undefined] => {
    const program = around.byPid.get(pid);
    if (program === undefined || before === undefined) return [undefined, undefined];
    return [classOfProgram(before, program, around), classOfProgram(after, program, around)];
  };
  return (pid, number) => {
    const [had, has] = known.get(pid) ?? look(pid);
    known.set(pid, [had, has]);
    return had === number && has !== 0 ? has : undefined;
  };
}

function contextOf(proc: ProcFolder): ClassContext {
  const programs = proc.pids().flatMap((pid) => proc.read(pid) ?? []);
  return { byPid: new Map(programs.map((one) => [one.pid, one])), realPath: realPaths() };
}
