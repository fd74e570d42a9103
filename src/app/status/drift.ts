import { observeMachine } from "../../reconciler/apply/observe.ts";
import {
  interruptedStepsOf,
  type OpenTransaction,
  readOpenTransaction,
} from "../../reconciler/journal/open-transaction.ts";
import { type Drift, driftOf } from "../../reconciler/plan/drift.ts";
import { foreignNotes } from "../../reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { HostParts } from "../parts.ts";
import type { PlanNote } from "../plan/planned.ts";
import { type OpenChange, readOpenChange, whyOpen } from "./open-change.ts";

export type { Drift, DriftCause } from "../../reconciler/plan/drift.ts";

/** How the host differs from the accepted state; the config is not read. */
export interface DriftReport {
  /** The accepted generation; 0 before the first. */
  readonly generation: number;
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
  const { host, stores } = parts;
  const open = await readOpenTransaction(stores.journal);
  const ledger = open?.accept?.ledger ?? (await stores.ledger.read());
  const latest = open?.accept?.generation ?? (await stores.generations.latest());
  const observed = await observeMachine(host, driverRegistry, { resources: [] }, ledger);
  const rebooted = (await stores.ledger.isOfEarlierBoot?.()) ?? false;
  const { lifecycle } = latest?.desired ?? {};
  const interrupted = open === undefined ? {} : { interrupted: interruptedStepsOf(open, driverRegistry) };
  return {
    generation: ledger.generation,
    drifts: driftOf({ ledger, observed, registry: driverRegistry, lifecycle, rebooted, ...interrupted }),
    notes: foreignNotes(observed).map(({ key, message }) => ({ path: key, message })),
    ...(open === undefined || open.accept !== undefined
      ? { openJournal: undefined }
      : { openJournal: stores.journal.location, ...(await howOpen(parts, open)) }),
  };
}

async function howOpen(
  parts: HostParts,
  open: OpenTransaction,
): Promise<Required<Pick<DriftReport, "open" | "openChange">>> {
  const openChange = await readOpenChange(parts, open);
  return { open: `${whyOpen(openChange)} (${parts.stores.journal.location})`, openChange };
}
