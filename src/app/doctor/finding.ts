import { isOutOfOpenFiles } from "../../model/write-error.ts";
import type { FindingId, Severity } from "./finding-catalogue.ts";

/** Something that `awg doctor` found; plain data, which the views print. Never holds a secret. */
export interface Finding {
  /** Stable name: programs match on it. */
  readonly id: FindingId;
  readonly severity: Severity;
  /** What is wrong and where; one lower-case sentence. */
  readonly what: string;
  /** What was seen that says so. */
  readonly evidence: readonly string[];
  /** What following the remedy costs; absent where it costs nothing. */
  readonly consequence?: string;
  /** Commands in the order to type them, or clauses where no command would do. */
  readonly remedy: readonly string[];
}

/** What an examination gave. */
export interface Examination {
  /** Faults first. */
  readonly findings: readonly Finding[];
  /** What was looked at, whether anything was found there or not. */
  readonly looked: readonly string[];
}

/** Of what could not be opened because too many files are open: nothing is known of it. Undefined for any other error. */
export function unopenedFinding(error: unknown): Finding | undefined {
  if (!isOutOfOpenFiles(error)) return undefined;
  const { message, remedy } = error;
  const evidence = ["nothing is known of what could not be opened: leave it as it is"];
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

/** The command that takes a file out of the way and keeps it. */
export function moveAway(path: string): string {
  return `mv ${shellWord(path)} ${shellWord(`${path}.damaged`)}`;
}
