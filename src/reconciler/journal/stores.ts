import type { SecretId } from "../../model/secret.ts";
import type { Ledger } from "../plan/ledger.ts";
import type { Generation } from "./generation.ts";
import type { JournalRecord } from "./journal-record.ts";

/** A journal record as read back. */
export interface ReadRecord {
  readonly record: JournalRecord;
  /** Whether it was written in this boot; what an earlier boot wrote to the kernel is gone. */
  readonly sameBoot: boolean;
}

/** The write-ahead journal of the one transaction that may be open. */
export interface JournalStore {
  /** Path of the journal, for people. */
  readonly location: string;
  /**
   * The records of the open transaction in order, [] when none is open. A torn last record is left out: it was never
   * acted on. Changes nothing. AwgError journal if the journal is corrupt, foreign or newer than this program.
   */
  read(): Promise<readonly ReadRecord[]>;
  /** Adds a record; it is on the disk when this returns. A failed append leaves the journal as it was. */
  append(record: JournalRecord): Promise<void>;
  /** Closes the transaction: no record is left. */
  clear(): Promise<void>;
}

/** What awg manages on this host. */
export interface LedgerStore {
  /** EMPTY_LEDGER when there is none; the same object until another write. */
  read(): Promise<Ledger>;
  /** Replaces it whole. */
  write(ledger: Ledger): Promise<void>;
  /** Whether the host was rebooted since it was written; absent on a host that never reboots. Changes nothing. */
  isOfEarlierBoot?(): Promise<boolean>;
}

/** Accepted generations by number. */
export interface GenerationStore {
  /** The one with the highest number; undefined before the first. */
  latest(): Promise<Generation | undefined>;
  read(number: number): Promise<Generation | undefined>;
  /** Numbers of those kept, ascending; writing a new one drops old ones. */
  numbers(): Promise<readonly number[]>;
  /** Writes one; writing the same number again replaces it. */
  write(generation: Generation): Promise<void>;
}

/** Hashes of configs that a daemon does not propose again by itself. */
export interface ProposalRecord {
  /** The config of the proposal that ended last: accepted, or rolled back too often. */
  readonly settled?: string;
  /** The config that was applied since and not confirmed. */
  readonly refused?: string;
}

/** The results of proposals from config files; survives the daemon. */
export interface ProposalStore {
  /** Empty if nothing was recorded or the record is unusable: the files are then proposed as on a new host. */
  read(): Promise<ProposalRecord>;
  /** Replaces it whole. */
  write(record: ProposalRecord): Promise<void>;
}

/** The part of the secret store that a transaction needs. */
export interface SecretKeeper {
  /** Makes every secret resolved so far durable, before the journal names it. Returns whether there was a new one. */
  persist(): Promise<boolean>;
  /** Makes those durable that an accepted state names and the store has lost. Returns whether there was one. */
  restore(named: ReadonlySet<SecretId>): Promise<boolean>;
  /** One error for each unusable part of the store, naming the file. Reads only. */
  damage(): readonly Error[];
  /** Forgets all secrets but these. */
  prune(keep: ReadonlySet<SecretId>): Promise<void>;
}

/** Reserved disk space for a destroy: it must succeed even on a full disk. Best effort: neither method fails. */
export interface DiskReserve {
  /** Reserves it, unless it is reserved already. */
  refill(): Promise<void>;
  /** Turns part of it into the journal that a destroy is about to begin, and frees the rest. */
  releaseForJournal(): Promise<void>;
  /** Frees it. */
  release(): Promise<void>;
}

/** Everything a transaction writes besides the host. */
export interface Stores {
  readonly journal: JournalStore;
  readonly ledger: LedgerStore;
  readonly generations: GenerationStore;
  readonly secrets?: SecretKeeper;
  /** Absent when no daemon runs. */
  readonly proposals?: ProposalStore;
  /** Absent when no disk can be full. */
  readonly diskReserve?: DiskReserve;
}
