import type { DesiredState } from "../../model/resource.ts";
import type { SecretId } from "../../model/secret.ts";
import type { Ledger } from "../plan/ledger.ts";
import type { JournalRecord } from "./record.ts";

/** An accepted desired state. */
export interface Generation {
  /** Counts from 1; the ledger names the one that holds. */
  readonly number: number;
  readonly configHash: string;
  /** Milliseconds since the epoch. */
  readonly acceptedMs: number;
  readonly desired: DesiredState;
  /** Path numbers by tunnel key, so that a tunnel keeps its own. */
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** Secrets that the desired state names; they are kept as long as the generation. */
  readonly secretIds: readonly SecretId[];
}

/** A journal record as read back. */
export interface ReadRecord {
  readonly record: JournalRecord;
  /** Whether it was written since the machine last booted; what an earlier boot wrote to the kernel is gone. */
  readonly sameBoot: boolean;
}

/** The write-ahead journal of the one transaction that may be open. */
export interface JournalStore {
  /** Where it is, for people: a file's path. */
  readonly location: string;
  /**
   * The records of the open transaction in order, [] when none is open. A torn last record is left out: it was never
   * acted upon. Changes nothing. AwgError journal when the journal is corrupt, foreign or newer than this program.
   */
  read(): Promise<readonly ReadRecord[]>;
  /** Adds a record; it is on the disk when this returns. A failed append leaves the journal as it was. */
  append(record: JournalRecord): Promise<void>;
  /** Closes the transaction: no record is left. */
  clear(): Promise<void>;
}

/** What awg answers for on this machine. */
export interface LedgerStore {
  /** EMPTY_LEDGER when there is none; the object that was read last as long as nothing else was written since. */
  read(): Promise<Ledger>;
  /** Replaces it whole. */
  write(ledger: Ledger): Promise<void>;
  /** Whether the machine was booted since it was written; absent where a machine never reboots. Changes nothing. */
  isOfEarlierBoot?(): Promise<boolean>;
}

/** Accepted generations by number. */
export interface GenerationStore {
  /** The one with the highest number; undefined before the first. */
  latest(): Promise<Generation | undefined>;
  read(number: number): Promise<Generation | undefined>;
  /** Numbers of those kept, ascending; old ones fall away as new ones are written. */
  numbers(): Promise<readonly number[]>;
  /** Writes one; writing the same number again replaces it. */
  write(generation: Generation): Promise<void>;
}

/** Configurations by their hash that a daemon does not propose again by itself. */
export interface ProposalRecord {
  /** What its files said when a proposal of theirs last came to its end: accepted, or rolled back too often. */
  readonly settled?: string;
  /** What was applied since to be confirmed, and was not. */
  readonly refused?: string;
}

/** What became of the config files' proposals, beyond the daemon's life. */
export interface ProposalStore {
  /** Empty where nothing was noted, or nothing that can be believed: then files are proposed as to a new machine. */
  read(): Promise<ProposalRecord>;
  /** Replaces it whole. */
  write(record: ProposalRecord): Promise<void>;
}

/** The part of the secret store that a transaction needs. */
export interface SecretKeeper {
  /** Makes every secret resolved so far durable, before anything that names it is journalled. Whether there was a new one. */
  persist(): Promise<boolean>;
  /** Makes those of these durable that an accepted state names and the store has lost. Whether there was one. */
  restore(named: ReadonlySet<SecretId>): Promise<boolean>;
  /** What of the store cannot be used, an error each that names the file. Reads only. */
  damage(): readonly Error[];
  /** Forgets all secrets but these. */
  prune(keep: ReadonlySet<SecretId>): Promise<void>;
}

/** Room on the disk for a destroy: who wants out gets out, also after others filled it. Best effort: neither fails. */
export interface DiskReserve {
  /** Keeps it, where it is not kept yet, for what is applied now. */
  refill(): Promise<void>;
  /** Makes part of it the journal that a destroy is about to begin, which nobody can take then, and gives the rest free. */
  releaseForJournal(): Promise<void>;
  /** Gives it free. */
  release(): Promise<void>;
}

/** Everything a transaction writes besides the machine. */
export interface Stores {
  readonly journal: JournalStore;
  readonly ledger: LedgerStore;
  readonly generations: GenerationStore;
  readonly secrets?: SecretKeeper;
  /** Absent where no daemon runs. */
  readonly proposals?: ProposalStore;
  /** Absent where no disk can be full. */
  readonly diskReserve?: DiskReserve;
}
