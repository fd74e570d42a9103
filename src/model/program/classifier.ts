/** What the kernel's classifier decides: which of the config's conditions on programs a socket's user fulfils. */

/** One question about who uses a socket. */
export type ClassifierAtom =
  | (ProgramQuestion & { readonly of: "self" | "self-or-ancestor" | "parent" })
  /** Ranges of uids, both ends included. */
  | { readonly users: readonly (readonly [first: number, last: number])[] }
  /** A control group by its path below the root of cgroup v2, and all groups below it. */
  | { readonly cgroup: string };

/** A program by its file, by a folder that holds it at any depth, or by the name of its file. Paths are absolute. */
type ProgramQuestion = { readonly file: string } | { readonly folder: string } | { readonly name: string };

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

export interface ClassifierSpec {
  readonly atoms: readonly ClassifierAtom[];
  readonly conditions: readonly ClassifierCondition[];
  /** Positions of conditions after which no later one matters: their rules ask for nothing else. */
  readonly final: readonly number[];
  readonly classes: readonly SocketClass[];
}
