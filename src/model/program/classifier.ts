import type { PathPattern } from "./pattern/pattern.ts";

/** What the kernel's classifier decides: which of the config's conditions on programs a socket's user fulfils. */

/** One question about who uses a socket. */
export type ClassifierAtom =
  | (ProgramQuestion & { readonly of: "self" | "self-or-ancestor" | "ancestor" })
  /** Ranges of uids, both ends included. */
  | { readonly users: readonly (readonly [first: number, last: number])[] }
  /** A control group by its path below the root of cgroup v2, and all groups below it. */
  | { readonly cgroup: string }
  /** A regular expression that is found in the arguments of the program, joined by spaces. */
  | { readonly commandLine: string };

/**
 * A program by its file, by a folder that holds it at any depth, by the name of its file, or by a pattern on its path. Paths
 * are absolute.
 */
type ProgramQuestion =
  | { readonly file: string }
  | { readonly folder: string }
  | { readonly name: string }
  | PathPattern;

/** A condition over atoms, by their positions. */
export type ClassifierCondition =
  | { readonly atom: number }
  | { readonly all: readonly ClassifierCondition[] }
  | { readonly any: readonly ClassifierCondition[] }
  | { readonly not: ClassifierCondition };

/** Sockets for which exactly these conditions hold, of those that matter. */
export interface SocketClass {
  /** 1 to 255; 0 is a socket without a class. */
  readonly number: number;
  /** Positions of the conditions, ascending. */
  readonly conditions: readonly number[];
}

/**
 * What the classifier decides by. At most 128 atoms, 64 conditions, 255 classes.
 *
 * A number in a socket's mark that `classes` does not list means the same as 0: it is of an earlier spec. Every rule must
 * treat it like 0, so that a change of the spec never sends a socket of the old one by a path of the new one.
 */
export interface ClassifierSpec {
  readonly atoms: readonly ClassifierAtom[];
  readonly conditions: readonly ClassifierCondition[];
  /** Positions of conditions after which no later one matters: their rules ask for nothing else. */
  readonly final: readonly number[];
  readonly classes: readonly SocketClass[];
}

/** Ancestors of a process that the classifier looks at, the nearest first. */
export const MOST_ANCESTORS = 8;

/** Where the classifier is attached to the control groups: a socket's creation, its connects and its sends. */
export const CLASSIFIER_HOOKS = ["create", "connect4", "connect6", "sendmsg4", "sendmsg6"] as const;

export type ClassifierHook = (typeof CLASSIFIER_HOOKS)[number];

/** The classifier as the kernel has it. */
export interface ClassifierObserved {
  /** What every attached hook decides by; absent where they differ, or it cannot be read. */
  readonly spec?: ClassifierSpec;
  /** Hooks at which nothing of ours is attached. */
  readonly missing: readonly ClassifierHook[];
  /** Paths of the spec that lead to another file, folder or group than at its load. */
  readonly replaced: readonly string[];
}
