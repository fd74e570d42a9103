import type { ClassifierAtom, ClassifierCondition, SocketClass } from "../../../model/program/classifier.ts";

/** A rule, as far as programs matter to it. */
export interface ClassifiedRule {
  /** Position of its condition; absent if it holds for every program. */
  readonly condition?: number;
  /** It asks for nothing but the program, so that no later rule matters where it holds. */
  readonly isFinal: boolean;
}

export interface SocketClasses {
  readonly classes: readonly SocketClass[];
  /** Positions of conditions after which no later one matters. */
  readonly final: readonly number[];
}

/** Number of the first class; 0 is a socket without one. */
const FIRST_CLASS = 1;

/**
 * The classes that these rules distinguish: one for each set of conditions that may hold together, without those that
 * no longer matter after a final one.
 *
 * @param most how many classes a socket's mark can hold
 * @returns undefined if there are more
 */
export function socketClasses(
  rules: readonly ClassifiedRule[],
  conditions: readonly ClassifierCondition[],
  atoms: readonly ClassifierAtom[],
  most: number,
): SocketClasses | undefined {
  const final = finalConditions(rules, conditions.length);
  const found: (readonly number[])[] = [];
  /** Goes through the conditions in order; `known` holds what is decided about the atoms. */
  const visit = (position: number, held: readonly number[], known: Knowledge): boolean => {
    const condition = conditions[position];
    if (condition === undefined) return found.push(held) <= most;
    const isEnd = final.includes(position);
    return [true, false].every((holds) => {
      const next = decide(condition, holds, known, atoms);
      if (next.length === 0) return true;
      const now = holds ? [...held, position] : held;
      if (holds && isEnd) return found.push(now) <= most;
      return visit(position + 1, now, next);
    });
  };
  if (!visit(0, [], [new Map()])) return undefined;
  return {
    classes: found.map((held, index) => ({ number: FIRST_CLASS + index, conditions: held })),
    final,
  };
}

/** Whether some process may fulfil a condition. */
export function mayHold(condition: ClassifierCondition, atoms: readonly ClassifierAtom[]): boolean {
  return decide(condition, true, [new Map()], atoms).length > 0;
}

/** A final rule hides the conditions of higher positions, if none of them belongs to a rule before it. */
function finalConditions(rules: readonly ClassifiedRule[], count: number): readonly number[] {
  return Array.from({ length: count }, (_, condition) => condition).filter((condition) => {
    const end = rules.findIndex((rule) => rule.condition === condition && rule.isFinal);
    return end !== -1 && rules.slice(0, end).every((rule) => (rule.condition ?? 0) <= condition);
  });
}

/** What is known of atoms; several of them are alternatives. */
type Cube = ReadonlyMap<number, boolean>;
type Knowledge = readonly Cube[];

/** What is known once a condition holds or does not; empty if that cannot be. */
function decide(
  condition: ClassifierCondition,
  holds: boolean,
  known: Knowledge,
  atoms: readonly ClassifierAtom[],
): Knowledge {
  if ("not" in condition) return decide(condition.not, !holds, known, atoms);
  if ("atom" in condition) return known.flatMap((cube) => learn(cube, condition.atom, holds, atoms));
  const isAll = "all" in condition;
  const parts = isAll ? condition.all : condition.any;
  // All that hold, or none of any: one after the other. Otherwise one of them decides, after those before it did not.
  if (isAll === holds) return parts.reduce<Knowledge>((left, part) => decide(part, holds, left, atoms), known);
  let undecided = known;
  return parts.flatMap((part) => {
    const decided = decide(part, holds, undecided, atoms);
    undecided = decide(part, !holds, undecided, atoms);
    return decided;
  });
}

function learn(cube: Cube, atom: number, holds: boolean, atoms: readonly ClassifierAtom[]): Cube[] {
  const before = cube.get(atom);
  if (before !== undefined) return before === holds ? [cube] : [];
  const excluded = [...cube].some(([other, held]) => held && areExclusive(atoms[other], atoms[atom]));
  if (holds && excluded) return [];
  return [new Map(cube).set(atom, holds)];
}

/**
 * A process has one user, and runs one program, from one file with one name. A file with hard links at two of the paths is an exception: it
 * gets no class, and goes by the strictest path.
 */
function areExclusive(one: ClassifierAtom | undefined, other: ClassifierAtom | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  if ("users" in one && "users" in other) return !overlap(one.users, other.users);
  if (!("of" in one) || !("of" in other)) return false;
  if (one.of !== other.of || one.of === "self-or-ancestor") return false;
  if ("name" in one && "name" in other) return one.name !== other.name;
  return "file" in one && "file" in other && one.file !== other.file;
}

type Ranges = readonly (readonly [first: number, last: number])[];

function overlap(some: Ranges, others: Ranges): boolean {
  return some.some(([from, to]) => others.some(([first, last]) => from <= last && first <= to));
}
