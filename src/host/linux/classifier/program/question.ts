import type { ClassifierCondition } from "../../../../model/program/classifier.ts";
import type { MemberOffsets } from "../../../../native/linux/bpf/btf.codec.ts";

/** Atoms as two words of 64 bits, the lower first. */
export type Atoms = readonly [bigint, bigint];

/** Descriptors of the maps that the program reads. */
export interface ClassifierMaps {
  /** Cookies of the network namespaces it works in. */
  readonly namespaces: number;
  /** Bind-mounted programs by their inode. */
  readonly files: number;
  /** Programs by the inode of their folder and their name, whatever file is there: a replaced program still matches. */
  readonly entries: number;
  readonly folders: number;
  readonly names: number;
  readonly users: number;
  readonly cgroups: number;
  /** Classes of processes that were seen before. */
  readonly seen: number;
  /** The automata of all patterns, as one table of states. */
  readonly patterns: number;
  /** Class of each combination of rules. */
  readonly classes: number;
  /** What the classifier decides by, for `read-classifier.ts`: a program keeps the maps that it mentions. */
  readonly spec: number;
}

/** The automaton of an atom, by its first state in the table. */
export interface PatternStart {
  readonly atom: number;
  readonly state: number;
}

/** Patterns on paths and on command lines. */
export interface ClassifierPatterns {
  /** Rows of the table of states; a power of two. */
  readonly states: number;
  /** How many patterns on paths there are; the table has a row for each behind those of the states. */
  readonly paths: number;
  readonly commands: readonly PatternStart[];
}

export interface ClassifierQuestion {
  readonly offsets: MemberOffsets;
  readonly maps: ClassifierMaps;
  /** One condition for each rule, by the bit that it sets; 64 at most. */
  readonly conditions: readonly ClassifierCondition[];
  /** Whether a condition asks for the user, or the control group. */
  readonly usesUsers: boolean;
  readonly usesCgroups: boolean;
  readonly usesFolders: boolean;
  /** Rules without other conditions: what follows the first of them that holds does not matter. */
  readonly final: bigint;
  /** Atoms that the program itself can fulfil, and those that any ancestor can. */
  readonly own: Atoms;
  readonly inherited: Atoms;
  readonly patterns: ClassifierPatterns;
  /** The user namespace (its inode) whose mounts count: a path in a namespace of an unprivileged user proves nothing. */
  readonly hostUsers: number;
  /** The bits of a socket's mark that hold the class. */
  readonly mark: { readonly shift: number; readonly mask: number };
}
