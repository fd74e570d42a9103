import { AwgError } from "../../model/error.ts";
import { type Batch, isClaim, type Step } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { InterruptedSteps } from "../plan/interrupted-steps.ts";
import type { Ledger } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import type { Generation } from "./generation.ts";
import type { BeginRecord, UnconfirmedRecord } from "./journal-record.ts";
import type { JournalStore, ReadRecord } from "./stores.ts";

export interface JournalledBatch {
  readonly index: number;
  readonly batch: Batch;
  readonly undone: boolean;
  readonly sameBoot: boolean;
}

/** An open transaction, rebuilt from its records. */
export interface OpenTransaction {
  readonly begin: BeginRecord;
  /** Started batches of all its runs, in order: undoing them all leads back to the state before the first. */
  readonly batches: readonly JournalledBatch[];
  /** Present when verified: only acceptance is left. */
  readonly accept: { readonly generation: Generation; readonly ledger: Ledger } | undefined;
  /** Present when verified but not confirmed; `sameBoot` as for a batch. */
  readonly unconfirmed: (UnconfirmedRecord & { readonly sameBoot: boolean }) | undefined;
  /** Whether its state had to be confirmed at some time, even if it is being rolled back since. */
  readonly wasOnTrial: boolean;
  /** Why the old state was to be restored, if a rollback had started. */
  readonly rollbackCause: string | undefined;
  readonly blocked: boolean;
}

/**
 * Rebuilds the transaction from the journal's records; undefined when none is open. AwgError journal on an impossible
 * order.
 */
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

/** The transaction that an earlier run left open, for verbs that only read (law 2); undefined when there is none. */
export async function readOpenTransaction(journal: JournalStore): Promise<OpenTransaction | undefined> {
  return readTransaction(await journal.read(), journal.location);
}

/** Whether a transaction may still be confirmed: before its deadline and in the same boot. Pure. */
export function isAwaited({ unconfirmed }: OpenTransaction, nowBootMs: number): boolean {
  return unconfirmed?.sameBoot === true && nowBootMs < unconfirmed.deadlineMs;
}

/**
 * The state that an open transaction reached and that stays: verified, or on trial while it may be confirmed. The next
 * writing verb records a verified one as accepted. Undefined if it reached none. Pure.
 */
export function verifiedState(open: OpenTransaction | undefined, nowBootMs: number): OpenTransaction["accept"] {
  return open?.accept ?? (open !== undefined && isAwaited(open, nowBootMs) ? open.unconfirmed : undefined);
}

/**
 * Started steps of an open transaction that were not undone, without those whose effect ended at a reboot. Empty once
 * its state was accepted. Pure.
 */
export function interruptedStepsOf({ accept, batches }: OpenTransaction, registry: DriverRegistry): InterruptedSteps {
  const interrupted = new Map<ResourceKey, Step[]>();
  if (accept !== undefined) return interrupted;
  for (const { batch, undone, sameBoot } of batches) {
    for (const step of undone ? [] : batch.steps) {
      if (isClaim(step) || !(sameBoot || driverOf(registry, step.kind).survivesReboot)) continue;
      interrupted.set(step.key, [...(interrupted.get(step.key) ?? []), step]);
    }
  }
  return interrupted;
}

/** The number of the next batch. Pure. */
export function nextIndex({ batches }: OpenTransaction): number {
  return 1 + Math.max(-1, ...batches.map(({ index }) => index));
}

/** Why an open transaction is rolled back, for people. Pure. */
export function whyRolledBack({ unconfirmed }: OpenTransaction): string {
  if (unconfirmed === undefined) return "an earlier run was interrupted";
  return unconfirmed.sameBoot ? "it was not confirmed in time" : "the host was rebooted before it was confirmed";
}

/** AwgError locked for a writing verb while a change awaits confirmation. Pure. */
export function awaitedError({ unconfirmed, begin }: OpenTransaction, nowBootMs: number): AwgError {
  const seconds = Math.ceil(((unconfirmed?.deadlineMs ?? nowBootMs) - nowBootMs) / 1000);
  return new AwgError("locked", `generation ${begin.generation} awaits confirmation for ${seconds} s more`, {
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
