import {
  type ClassifierAtom,
  type ClassifierCondition,
  type ClassifierSpec,
  MOST_ANCESTORS,
  type SocketClass,
} from "./classifier.ts";
import { commandText, matchesPattern, patternOf } from "./pattern/pattern.ts";
import type { Program } from "./program.ts";

/** What is known of the other programs of the host. */
export interface ClassContext {
  readonly byPid: ReadonlyMap<number, Program>;
  /** A path of the config after symbolic links; the same path where nothing is there. */
  readonly realPath: (path: string) => string;
}

/** True, false, or undefined where a value that it needs could not be read. */
type Known = boolean | undefined;

/**
 * The class that the kernel gives a program's sockets; 0 if none fits, undefined if what decides could not be read. Pure.
 */
export function classOfProgram(spec: ClassifierSpec, program: Program, around: ClassContext): number | undefined {
  const held: number[] = [];
  for (const [position, condition] of spec.conditions.entries()) {
    const holds = conditionHolds(condition, spec, program, around);
    if (holds === undefined) return undefined;
    if (!holds) continue;
    held.push(position);
    if (spec.final.includes(position)) break;
  }
  const found = spec.classes.find(
    ({ conditions }) => conditions.length === held.length && conditions.every((one) => held.includes(one)),
  );
  return found?.number ?? 0;
}

/**
 * The classes that a program's sockets may have: the one of `classOfProgram`, or where that is not known every class that
 * fits what is. Pure.
 */
export function possibleClassesOf(
  spec: ClassifierSpec,
  program: Program,
  around: ClassContext,
): readonly [number, ...number[]] {
  const known = spec.conditions.map((condition) => conditionHolds(condition, spec, program, around));
  const fits = ({ conditions }: SocketClass): boolean => {
    const last = conditions.find((one) => spec.final.includes(one)) ?? known.length;
    return known.every((holds, at) => at > last || holds === undefined || holds === conditions.includes(at));
  };
  const certain = classOfProgram(spec, program, around);
  const [first = 0, ...others] =
    certain === undefined ? spec.classes.filter(fits).map(({ number }) => number) : [certain];
  return [first, ...others];
}

/** The class of a user's sockets where it does not depend on the program; undefined where it does. Pure. */
export function classOfUser(spec: ClassifierSpec, uid: number): number | undefined {
  // No such process: nothing is known of its program and ancestors.
  const program: Program = { pid: -1, since: 0n, parentPid: -1, name: "", uid };
  return classOfProgram(spec, program, { byPid: new Map(), realPath: (path) => path });
}

function conditionHolds(
  condition: ClassifierCondition,
  spec: ClassifierSpec,
  program: Program,
  around: ClassContext,
): Known {
  const inner = (one: ClassifierCondition) => conditionHolds(one, spec, program, around);
  if ("all" in condition) return allOf(condition.all.map(inner));
  if ("any" in condition) return anyOf(condition.any.map(inner));
  if ("not" in condition) return opposite(inner(condition.not));
  const atom = spec.atoms[condition.atom];
  return atom === undefined ? false : atomHolds(atom, program, around);
}

function atomHolds(atom: ClassifierAtom, program: Program, around: ClassContext): Known {
  if ("users" in atom) {
    const { uid } = program;
    return uid === undefined ? undefined : atom.users.some(([first, last]) => first <= uid && uid <= last);
  }
  if ("cgroup" in atom) {
    const { cgroup } = program;
    return cgroup === undefined ? undefined : cgroup !== null && isWithin(cgroup, `/${atom.cgroup}`);
  }
  if ("commandLine" in atom) return commandHolds(atom.commandLine, program);
  const one = (candidate: Program): Known => fileHolds(atom, candidate, around);
  const self = atom.of === "self" || atom.of === "self-or-ancestor" ? [one(program)] : [];
  return anyOf([...self, ...(atom.of === "self" ? [] : ancestorsHold(program, around, one))]);
}

/** The nearest ancestors; a thread of the kernel ends the walk, as in the kernel. */
function ancestorsHold(program: Program, { byPid }: ClassContext, one: (candidate: Program) => Known): Known[] {
  const found: Known[] = [];
  let { parentPid } = program;
  while (parentPid !== 0 && found.length < MOST_ANCESTORS) {
    const ancestor = byPid.get(parentPid);
    if (ancestor === undefined) return [...found, undefined];
    if (ancestor.path === null) return found;
    found.push(one(ancestor));
    parentPid = ancestor.parentPid;
  }
  return found;
}

/** A thread of the kernel has no arguments. */
function commandHolds(expression: string, { commandLine, path }: Program): Known {
  if (path === null) return false;
  if (commandLine === undefined) return undefined;
  return matchesPattern({ commandLine: expression }, commandText(commandLine));
}

function fileHolds(
  atom: Extract<ClassifierAtom, { readonly of: string }>,
  { path, isElsewhere }: Program,
  { realPath }: ClassContext,
): Known {
  if (path === undefined) return undefined;
  if (path === null) return false;
  if (isElsewhere === true && !("name" in atom)) return undefined;
  const pattern = patternOf(atom);
  if (pattern !== undefined) return matchesPattern(pattern, path);
  if ("name" in atom) return path.slice(path.lastIndexOf("/") + 1) === atom.name;
  if ("file" in atom) return path === realPath(atom.file);
  return "folder" in atom && isWithin(path, realPath(atom.folder));
}

function isWithin(path: string, folder: string): boolean {
  const base = folder.replace(/\/+$/, "");
  return path === base || path.startsWith(`${base}/`);
}

function opposite(known: Known): Known {
  return known === undefined ? undefined : !known;
}

function allOf(values: readonly Known[]): Known {
  if (values.includes(false)) return false;
  return values.includes(undefined) ? undefined : true;
}

function anyOf(values: readonly Known[]): Known {
  if (values.includes(true)) return true;
  return values.includes(undefined) ? undefined : false;
}
