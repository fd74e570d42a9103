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
  const text = "file" in atom ? `file ${atom.file}` : "folder" in atom ? `folder ${atom.folder}` : `name ${atom.name}`;
  const relation = { self: "", "self-or-ancestor": " with children", ancestor: " as ancestor" } as const;
  return `${text}${relation[atom.of]}`;
}

function rangeText(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
