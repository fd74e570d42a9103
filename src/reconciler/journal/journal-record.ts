import type { Batch } from "../../model/plan.ts";
import type { Ledger } from "../plan/ledger.ts";
import type { Generation } from "./generation.ts";

/** The target of a transaction: a new state, or none at all. */
export type Verb = "apply" | "destroy";

/**
 * One line of the journal. Order: begin, then batch and done in turn, then (unconfirmed and) accept, or rollback and
 * undone in turn. If another run continues behind the packet filter of an interrupted one: undone in turn, then begin
 * again, batch and done as before.
 */
export type JournalRecord =
  /** The last one names the verb and generation of the transaction. */
  | BeginRecord
  /** Intent: written before the batch changes the host; the inverse follows from the steps. */
  | { readonly type: "batch"; readonly index: number; readonly batch: Batch }
  | { readonly type: "done"; readonly index: number }
  /** From here on the old state is being restored. */
  | { readonly type: "rollback"; readonly cause: string }
  | { readonly type: "undone"; readonly index: number }
  /** The old state could not be restored; the firewall allows only what old and new both allow. */
  | { readonly type: "blocked"; readonly cause: string }
  /** The host is verified, but must be confirmed before the deadline; otherwise the old state is restored. */
  | UnconfirmedRecord
  /** The host is verified; only these two writes are left. From here on there is no rollback. */
  | { readonly type: "accept"; readonly generation: Generation; readonly ledger: Ledger };

export interface BeginRecord {
  readonly type: "begin";
  readonly verb: Verb;
  readonly configHash: string;
  /** Number of the generation that this transaction creates. */
  readonly generation: number;
  readonly startedMs: number;
}

export interface UnconfirmedRecord {
  readonly type: "unconfirmed";
  /** Milliseconds since this boot, sleep included (CLOCK_BOOTTIME): changes of the wall clock do not move it. */
  readonly deadlineMs: number;
  readonly generation: Generation;
  readonly ledger: Ledger;
  /** The SSH connection that applied, as in SSH_CONNECTION; a confirmation from it would prove nothing. */
  readonly connection?: string;
  /** When the new state took effect, on the clock of `deadlineMs`: older connections prove nothing either. */
  readonly standsMs?: number;
}
