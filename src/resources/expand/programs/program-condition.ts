import type { AppMatcher, Match } from "../../../config/section/match.ts";
import { canonicalJson } from "../../../model/canonical.ts";
import type { ClassifierAtom } from "../../../model/program/classifier.ts";
import { wholeFolder } from "../../../model/program/glob.ts";
import { patternOf } from "../../../model/program/pattern/pattern.ts";

/** A condition on the program, user or control group that uses a socket. */
export type ProgramCondition =
  | { readonly atom: ClassifierAtom }
  | { readonly all: readonly ProgramCondition[] }
  | { readonly any: readonly ProgramCondition[] }
  | { readonly not: ProgramCondition };

/** The uids of the users that a match names. */
export type UsersOf = (users: readonly string[]) => readonly (readonly [first: number, last: number])[];

/** What a match's own fields ask of the program; undefined if they ask nothing. */
export function programCondition(
  { apps, parent, users, cgroups, commandLine, children = true }: Match,
  usersOf: UsersOf,
): ProgramCondition | undefined {
  const parts: ProgramCondition[] = [
    ...(apps === undefined
      ? []
      : [anyOf(apps.flatMap((app) => question(app, children ? "self-or-ancestor" : "self")))]),
    ...(users === undefined ? [] : [usersCondition(usersOf(users))]),
    ...(cgroups === undefined ? [] : [anyOf(cgroups.map((cgroup) => ({ atom: { cgroup: cgroupPath(cgroup) } })))]),
    ...(commandLine === undefined ? [] : [anyOf(commandLine.map((one) => ({ atom: { commandLine: one } })))]),
    ...(parent === undefined ? [] : [anyOf(parent.flatMap((app) => question(app, "ancestor")))]),
  ];
  return parts.length === 0 ? undefined : allOf(parts);
}

/** All of the conditions, in their simplest form. */
export function allOf(conditions: readonly ProgramCondition[]): ProgramCondition {
  const parts = unique(conditions.flatMap((one) => ("all" in one ? one.all : [one])));
  return parts.length === 1 ? (parts[0] as ProgramCondition) : { all: parts };
}

/** One of the conditions, in their simplest form. */
export function anyOf(conditions: readonly ProgramCondition[]): ProgramCondition {
  const parts = unique(conditions.flatMap((one) => ("any" in one ? one.any : [one])));
  return parts.length === 1 ? (parts[0] as ProgramCondition) : { any: parts };
}

/** The opposite of a condition. */
export function notOf(condition: ProgramCondition): ProgramCondition {
  return "not" in condition ? condition.not : { not: condition };
}

/**
 * Whether only programs match that have a file, folder, user or control group which the condition names. A name, a part of a
 * path and arguments prove nothing: any program can have them, or be without them. A glob names the folder before its first
 * `*`.
 */
export function isAnchored(condition: ProgramCondition): boolean {
  if ("atom" in condition) {
    const { atom } = condition;
    if ("glob" in atom) return /^\/[^/*]+\//.test(atom.glob);
    return ["file", "folder", "users", "cgroup"].some((key) => key in atom);
  }
  if ("all" in condition) return condition.all.some(isAnchored);
  if ("any" in condition) return condition.any.every(isAnchored);
  return false;
}

/** Whether a part of the condition is a pattern. */
export function hasPattern(condition: ProgramCondition): boolean {
  if ("atom" in condition) return patternOf(condition.atom) !== undefined;
  if ("not" in condition) return hasPattern(condition.not);
  return ("all" in condition ? condition.all : condition.any).some(hasPattern);
}

function usersCondition(users: ReturnType<UsersOf>): ProgramCondition {
  return users.length === 0 ? { any: [] } : { atom: { users } };
}

type Relation = "self" | "self-or-ancestor" | "ancestor";

function question(app: AppMatcher, of: Relation): ProgramCondition[] {
  switch (app.kind) {
    case "name":
      return [{ atom: { name: app.name, of } }];
    case "dir":
      return [{ atom: { folder: app.dir, of } }];
    case "path": {
      if (!app.path.includes("*")) return [{ atom: { file: app.path, of } }];
      const folder = wholeFolder(app.path);
      return [{ atom: folder === undefined ? { glob: app.path, of } : { folder, of } }];
    }
    case "contains":
      return [{ atom: { contains: app.contains, of } }];
    case "regex":
      return [{ atom: { regex: app.regex, of } }];
    default:
      return [];
  }
}

/** A path below the root group without slashes around it. */
function cgroupPath(written: string): string {
  return written.replaceAll(/\/+/g, "/").replaceAll(/^\/|\/$/g, "");
}

function unique(conditions: readonly ProgramCondition[]): ProgramCondition[] {
  return [...new Map(conditions.map((one) => [canonicalJson(one), one])).values()];
}
