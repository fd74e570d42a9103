import { AwgError } from "../../model/error.ts";
import { type Batch, isClaim, type Step } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Begun } from "../plan/interrupted-steps.ts";
import type { Ledger } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import type { Generation, JournalStore, ReadRecord } from "./stores.ts";

/** What a transaction is for: a new state, or none at all. */
export type Verb = "apply" | "destroy";

/**
 * One line of the journal. Order: begin, then batch and done in turn, then (unconfirmed and) accept, or rollback and undone
 * in turn. Where another run goes on behind the packet filter of one that was cut short: undone in turn, then begin again,
 * batch and done as before.
 */
export type JournalRecord =
  /** The last one tells whose transaction it is. */
  | BeginRecord
  /** Intent: written before the batch touches the machine; the inverse follows from the steps. */
  | { readonly type: "batch"; readonly index: number; readonly batch: Batch }
  | { readonly type: "done"; readonly index: number }
  /** From here on the old state is to be restored. */
  | { readonly type: "rollback"; readonly cause: string }
  | { readonly type: "undone"; readonly index: number }
  /** The old state could not be restored; the firewall was told to let through only what old and new both allow. */
  | { readonly type: "blocked"; readonly cause: string }
  /** The machine is verified, but a person has to confirm it before the deadline; else the old state is restored. */
  | UnconfirmedRecord
  /** The machine is verified; only these two writes are left. From here on there is no way back. */
  | { readonly type: "accept"; readonly generation: Generation; readonly ledger: Ledger };

export interface BeginRecord {
  readonly type: "begin";
  readonly verb: Verb;
  readonly configHash: string;
  /** Number of the generation this transaction is to become. */
  readonly generation: number;
  readonly startedMs: number;
}

export interface UnconfirmedRecord {
  readonly type: "unconfirmed";
  /** Milliseconds since this boot, sleep included (CLOCK_BOOTTIME), so that no change of the wall clock moves it. */
  readonly deadlineMs: number;
  readonly generation: Generation;
  readonly ledger: Ledger;
  /** The SSH connection that applied, as SSH_CONNECTION tells it; confirming from it would prove nothing. */
  readonly connection?: string;
  /** Since when the new state stands, in the time of `deadlineMs`: connections that are older prove nothing either. */
  readonly standsMs?: number;
}

export interface JournalledBatch {
  readonly index: number;
  readonly batch: Batch;
  readonly undone: boolean;
  readonly sameBoot: boolean;
}

/** An open transaction, as its records tell. */
export interface OpenTransaction {
  readonly begin: BeginRecord;
  /** Batches that were begun, in order, by all its runs: together they lead back to what stood before the first. */
  readonly batches: readonly JournalledBatch[];
  /** Present when verified: only acceptance is left. */
  readonly accept: { readonly generation: Generation; readonly ledger: Ledger } | undefined;
  /** Present when verified, but nobody has confirmed it; with `sameBoot` as of a batch. */
  readonly unconfirmed: (UnconfirmedRecord & { readonly sameBoot: boolean }) | undefined;
  /** Whether its state was to be confirmed at some time, also when it is on its way back since. */
  readonly wasOnTrial: boolean;
  /** Why the old state was to be restored, when a rollback had begun. */
  readonly rollbackCause: string | undefined;
  readonly blocked: boolean;
}

/** Makes sense of a journal's records; undefined when no transaction is open. AwgError journal on an impossible order. */
export function readTransaction(records: readonly ReadRecord[], location: string): OpenTransaction | undefined {
  const first = records[0];
  if (first === undefined) return undefined;
  if (first.record.type !== "begin") throw disorder(location, `starts with a record of type ${first.record.type}`);
  const batches = new Map<number, JournalledBatch>();
  let begin = first.record;
  let accept: OpenTransaction["accept"];
  let unconfirmed: OpenTransaction["unconfirmed"];
  let wasOnTrial = false;
  let rollbackCause: string | undefined;
  let blocked = false;
  for (const { record, sameBoot } of records.slice(1)) {
    switch (record.type) {
      case "begin":
        if (batches.size === 0 || accept !== undefined || wasOnTrial) throw disorder(location, "begins twice");
        begin = record;
        rollbackCause = undefined;
        blocked = false;
        break;
      case "batch":
        if (batches.has(record.index)) throw disorder(location, `has batch ${record.index} twice`);
        batches.set(record.index, { index: record.index, batch: record.batch, undone: false, sameBoot });
        break;
      case "done":
      case "undone": {
        const batch = batches.get(record.index);
        if (batch === undefined) throw disorder(location, `ends batch ${record.index}, which it never began`);
        if (record.type === "undone") batches.set(record.index, { ...batch, undone: true });
        break;
      }
      case "rollback":
        rollbackCause = record.cause;
        accept = undefined;
        unconfirmed = undefined;
        break;
      case "blocked":
        blocked = true;
        break;
      case "unconfirmed":
        unconfirmed = { ...record, sameBoot };
        wasOnTrial = true;
        break;
      case "accept":
        unconfirmed = undefined;
        accept = { generation: record.generation, ledger: record.ledger };
        break;
    }
  }
  return { begin, batches: [...batches.values()], accept, unconfirmed, wasOnTrial, rollbackCause, blocked };
}

/** The transaction that an earlier run left open, for verbs that only read and report it (law 2); undefined when none. */
export async function readOpenTransaction(journal: JournalStore): Promise<OpenTransaction | undefined> {
  return readTransaction(await journal.read(), journal.location);
}

/** Whether a transaction still has time to be confirmed: not after its deadline, and not after a reboot. Pure. */
export function isAwaited({ unconfirmed }: OpenTransaction, nowBootMs: number): boolean {
  return unconfirmed?.sameBoot === true && nowBootMs < unconfirmed.deadlineMs;
}

/**
 * The state that an open transaction ended in and that is to stand: verified, and written down as accepted by the next
 * writing verb, or on trial as long as it may be confirmed. undefined where it ended in none. Pure.
 */
export function verifiedState(open: OpenTransaction | undefined, nowBootMs: number): OpenTransaction["accept"] {
  return open?.accept ?? (open !== undefined && isAwaited(open, nowBootMs) ? open.unconfirmed : undefined);
}

/**
 * What an open transaction began to change and did not put back, but for what a reboot took. Nothing once its state was
 * accepted. Pure.
 */
export function begunBy({ accept, batches }: OpenTransaction, registry: DriverRegistry): Begun {
  const begun = new Map<ResourceKey, Step[]>();
  if (accept !== undefined) return begun;
  for (const { batch, undone, sameBoot } of batches) {
    for (const step of undone ? [] : batch.steps) {
      if (isClaim(step) || !(sameBoot || driverOf(registry, step.kind).survivesReboot)) continue;
      begun.set(step.key, [...(begun.get(step.key) ?? []), step]);
    }
  }
  return begun;
}

/** The number of the next batch. Pure. */
export function nextIndex({ batches }: OpenTransaction): number {
  return 1 + Math.max(-1, ...batches.map(({ index }) => index));
}

/** Why an open transaction that nobody is to wait for is rolled back; for people. Pure. */
export function whyRolledBack({ unconfirmed }: OpenTransaction): string {
  if (unconfirmed === undefined) return "an earlier run ended in the middle of its changes";
  return unconfirmed.sameBoot ? "nobody confirmed it in time" : "the machine was rebooted before anybody confirmed it";
}

/** What a writing verb is told while a change waits for its confirmation: AwgError locked. Pure. */
export function awaitedError({ unconfirmed, begin }: OpenTransaction, nowBootMs: number): AwgError {
  const seconds = Math.ceil(((unconfirmed?.deadlineMs ?? nowBootMs) - nowBootMs) / 1000);
  return new AwgError("locked", `generation ${begin.generation} waits ${seconds} s more to be confirmed`, {
    facts: { generation: begin.generation, secondsLeft: seconds },
    remedy: "keep it with awg confirm, or undo it with awg revert",
  });
}

function disorder(location: string, what: string): AwgError {
  return new AwgError("journal", `the journal ${location} ${what}, which awg never writes`, {
    facts: { journal: location, state: "damaged" },
    remedy: "run awg doctor; it lists the remedies and their cost",
  });
}
