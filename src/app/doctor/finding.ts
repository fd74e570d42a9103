import { isOutOfOpenFiles } from "../../model/write-error.ts";
import type { FindingId, Severity } from "./finding-catalogue.ts";

/** Something that `awg doctor` found; plain data, which the views print. Never holds a secret. */
export interface Finding {
  /** Stable name: programs match on it. */
  readonly id: FindingId;
  readonly severity: Severity;
  /** What is wrong and where, as one sentence in lower case. */
  readonly what: string;
  /** What was observed. */
  readonly evidence: readonly string[];
  /** The cost of the remedy; absent if there is none. */
  readonly consequence?: string;
  /** Commands in the order to type them, or clauses where no command would do. */
  readonly remedy: readonly string[];
}

/** The result of an examination. */
export interface Examination {
  /** Faults first. */
  readonly findings: readonly Finding[];
  /** What was examined, with or without a finding. */
  readonly looked: readonly string[];
}

/** A file that could not be opened because too many are open; undefined for any other error. */
export function unopenedFinding(error: unknown): Finding | undefined {
  if (!isOutOfOpenFiles(error)) return undefined;
  const { message, remedy } = error;
  const evidence = ["files that could not be opened are not examined; leave them as they are"];
  return {
    id: "machine-unreadable",
    severity: "fault",
    what: message,
    evidence,
    remedy: remedy === undefined ? [] : [remedy],
  };
}

/** Quotes a path for a shell (POSIX.1 2.2.2) where it needs to be. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that moves a file aside and keeps it. */
export function moveAway(path: string): string {
  return `mv ${shellWord(path)} ${shellWord(`${path}.damaged`)}`;
}
