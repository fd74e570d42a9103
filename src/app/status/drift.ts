import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { Drift } from "../../reconciler/plan/drift.ts";
import { foreignNotes } from "../../reconciler/plan/plan-changes.ts";
import type { HostParts } from "../parts.ts";
import type { PlanNote } from "../plan/planned.ts";
import { compareHost, type Unrecorded } from "./compare-host.ts";
import { type OpenChange, readOpenChange, whyOpen } from "./open-change.ts";

export type { Drift, DriftCause } from "../../reconciler/plan/drift.ts";

/** How the host differs from the accepted state; the config is not read. */
export interface DriftReport {
  /** The accepted generation, or the one on trial; 0 before the first. */
  readonly generation: number;
  /** Whether that generation has no resources: nothing is applied. */
  readonly isEmpty: boolean;
  /** Present if awg's objects are on a host without an accepted state; `drifts` lists them. */
  readonly unrecorded?: Unrecorded;
  readonly drifts: readonly Drift[];
  /** Objects of other programs in our tables and ranges, which are left alone. */
  readonly notes: readonly PlanNote[];
  /** Present if an apply was interrupted or waits for confirmation: it causes most of these differences. */
  readonly openJournal: string | undefined;
  /** Why it is open, in the words of status, and its journal; for people. */
  readonly open?: string;
  readonly openChange?: OpenChange;
}

/** Compares the host with the last accepted state, field by field. Reads only (law 2). */
export async function readDrift(parts: HostParts): Promise<DriftReport> {
  parts.requireRights?.();
  const { stores } = parts;
  const { open, ledger, drifts, observed, unrecorded } = await compareHost(parts);
  const isOpen = open !== undefined && open.accept === undefined;
  return {
    generation: ledger.generation,
    isEmpty: ledger.entries.length === 0,
    drifts,
    ...(unrecorded === undefined ? {} : { unrecorded }),
    notes: foreignNotes(observed).map(({ key, message }) => ({ path: key, message })),
    ...(isOpen
      ? { openJournal: stores.journal.location, ...(await howOpen(parts, open)) }
      : { openJournal: undefined }),
  };
}

async function howOpen(
  parts: HostParts,
  open: OpenTransaction,
): Promise<Required<Pick<DriftReport, "open" | "openChange">>> {
  const openChange = await readOpenChange(parts, open);
  return { open: `${whyOpen(openChange)} (${parts.stores.journal.location})`, openChange };
}
