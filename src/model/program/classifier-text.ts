import { counted } from "../text/counted.ts";
import type { ClassifierAtom, ClassifierCondition, ClassifierSpec } from "./classifier.ts";

/** What a classifier distinguishes, for people: a line for each condition, and how many classes they make. */
export function classifierLines({ atoms, conditions, classes }: ClassifierSpec): readonly string[] {
  return [
    ...conditions.map((condition) => conditionText(condition, atoms)),
    counted(classes.length, "class", "classes"),
  ];
}

/** A condition in words: `file /usr/bin/curl with children and not (users 0)`. */
export function conditionText(condition: ClassifierCondition, atoms: readonly ClassifierAtom[]): string {
  if ("atom" in condition) {
    const atom = atoms[condition.atom];
    return atom === undefined ? `atom ${condition.atom}` : atomText(atom);
  }
  if ("not" in condition) return `not (${conditionText(condition.not, atoms)})`;
  const [parts, word] = "all" in condition ? [condition.all, "and"] : [condition.any, "or"];
  if (parts.length === 0) return word === "and" ? "anything" : "nothing";
  return parts.map((part) => nested(part, atoms, parts.length)).join(` ${word} `);
}

function nested(part: ClassifierCondition, atoms: readonly ClassifierAtom[], among: number): string {
  const text = conditionText(part, atoms);
  return among > 1 && ("all" in part || "any" in part) ? `(${text})` : text;
}

/** An atom in words. */
export function atomText(atom: ClassifierAtom): string {
  if ("users" in atom) return `users ${atom.users.map(([first, last]) => rangeText(first, last)).join(", ")}`;
  if ("cgroup" in atom) return `cgroup ${atom.cgroup}`;
  if ("commandLine" in atom) return `command line matches expression ${atom.commandLine}`;
  const relation = { self: "", "self-or-ancestor": " with children", ancestor: " as ancestor" } as const;
  return `${programText(atom)}${relation[atom.of]}`;
}

function programText(atom: Extract<ClassifierAtom, { readonly of: string }>): string {
  if ("file" in atom) return `file ${atom.file}`;
  if ("folder" in atom) return `folder ${atom.folder}`;
  if ("name" in atom) return `name ${atom.name}`;
  if ("glob" in atom) return `path matches ${atom.glob}`;
  return "contains" in atom ? `path contains ${atom.contains}` : `path matches expression ${atom.regex}`;
}

function rangeText(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
