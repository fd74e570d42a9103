import { isOutOfOpenFiles } from "../../model/write-error.ts";

/** Something that `awg doctor` found; plain data, which the views print. Never holds a secret. */
export interface Finding {
  /** Stable name: programs match on it, docs/doctor.md explains it. */
  readonly id: FindingId;
  /** A `fault` keeps awg from doing its work, or traffic from being protected; a `note` is worth knowing. */
  readonly severity: "fault" | "note";
  /** What is wrong and where; one lower-case sentence. */
  readonly what: string;
  /** What was seen that says so. */
  readonly evidence: readonly string[];
  /** What following the remedy costs; absent where it costs nothing. */
  readonly consequence?: string;
  /** Commands in the order to type them, or clauses where no command would do. */
  readonly remedy: readonly string[];
}

/** Every name that a finding may have. */
export const FINDING_IDS = [
  "state-folder",
  "state-file-damaged",
  "state-file-newer",
  "state-file-foreign",
  "state-file-unreadable",
  "traffic-blocked",
  "secret-missing",
  "journal-open",
  "journal-at-work",
  "journal-blocked",
  "journal-awaiting",
  "policy-missing",
  "policy-disregarded",
  "policy-orphaned",
  "drifted",
  "machine-unreadable",
  "keeper-silent",
  "engine-silent",
  "tables-elsewhere",
  "tunnel-silent",
  "engine-missing",
  "tun-missing",
  "nftables-missing",
  "table-flags-missing",
  "egress-hook-missing",
  "nft-program-missing",
  "service-user-missing",
  "subordinates-changed",
  "clock-behind",
  "ipv6-disabled",
  "rule-in-our-range",
  "rule-before-ours",
  "rule-main-missing",
  "local-routes-missing",
  "chain-drops",
  "boot-table-left",
  "networkd-removes-rules",
  "resolver-rewritten",
  "inotify-room",
  "vpn-cut-off",
  "bridge-filtered",
  "guests-unanswered",
  "socket-left",
  "namespace-state-left",
] as const;

export type FindingId = (typeof FINDING_IDS)[number];

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
