import { AwgError } from "../../model/error.ts";
import { isClaim } from "../../model/plan.ts";
import type { DesiredState, Resource, ResourceKey } from "../../model/resource.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Ledger, LedgerEntry } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import { placeOf } from "../plan/place.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { observeMachine } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";
import type { JournalledBatch } from "./record.ts";
import { type Touched, touchedPlaces } from "./restored.ts";
import { performSteps } from "./run-batches.ts";
import { SETTLE_WAITS_MS } from "./verify.ts";

/**
 * Restores the old state from whatever the machine has become: plans towards what stood before, as the ledger and the
 * journal know it, and carries that out. For when inverse steps do not fit any more, because others changed what the
 * transaction never touched (removed the device of a route). Throws what went wrong at the last try.
 */
export async function restoreOldState(deps: ApplyDeps, journalled: readonly JournalledBatch[]): Promise<void> {
  const { host, registry, stores } = deps;
  const accepted = await stores.ledger.read();
  const touched = touchedPlaces(journalled);
  const ledger = ledgerOfJournal(accepted, touched, registry);
  // What the transaction made itself, a later run of it takes up: what stood there before is told by the first.
  const made = new Set(touched.map(placeOfChange));
  const adopted = journalled.flatMap(({ batch }) =>
    batch.steps.filter((step) => isClaim(step) && step.action === "adopt" && !made.has(placeOfChange(step))),
  );
  const lifecycle = (await stores.generations.latest())?.desired.lifecycle;
  // Only what others may change is heeded: what is protected, retained or moved is the new state's affair.
  const ignore = lifecycle === undefined ? {} : { lifecycle: { ...lifecycle, protect: [], retain: [], moved: [] } };
  const desired = { ...oldState(accepted, [...adopted, ...touched]), ...ignore };
  const concerned = new Set([...ledger.entries.map(placeOfEntry), ...[...adopted, ...touched].map(placeOfChange)]);
  let failure: unknown;
  for (const waitMs of SETTLE_WAITS_MS) {
    if (waitMs > 0) await deps.clock.sleep(waitMs);
    try {
      const observed = await observeMachine(host, registry, desired, ledger);
      const { plan, conflicts } = planChanges({ desired, observed, ledger, registry });
      if (conflicts.length > 0)
        throw new AwgError("conflict", conflicts.map(({ key, holder }) => `${key} is held by ${holder}`).join("; "));
      // What nobody wrote down stood before too: it is not for a rollback to remove.
      const batches = plan.batches.map((batch) => batch.steps.filter((step) => concerned.has(placeOfChange(step))));
      const acting = batches.flat().filter((step) => !isClaim(step));
      if (acting.length === 0) return;
      failure = new AwgError(
        "verification",
        `what stood before could not be restored: ${acting.map(({ key }) => key).join(", ")}`,
      );
      for (const steps of batches) await performSteps(deps, steps);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * What stood before a transaction as a desired state: what the ledger names, what the transaction took up by its mark,
 * and, more exactly, what it found in the places it touched. Pure.
 */
function oldState(ledger: Ledger, found: readonly Pick<Touched, "kind" | "key" | "before">[]): DesiredState {
  const resources = new Map<ResourceKey, Resource>();
  for (const { kind, key, spec } of ledger.entries) resources.set(key, { kind, key, spec } as Resource);
  for (const { kind, key, before } of found) {
    if (before === null) continue;
    // The same thing under the name that a move gave it.
    for (const other of resources.values()) {
      if (other.kind === kind && other.key !== key && placeOf(kind, other.spec) === placeOf(kind, before))
        resources.delete(other.key);
    }
    resources.set(key, { kind, key, spec: before } as Resource);
  }
  return { resources: [...resources.values()] };
}

/**
 * The ledger with what an unfinished transaction took over: settings carry no mark, so that only its journal knows they
 * are to be put back. Pure.
 */
export function ledgerOfJournal(ledger: Ledger, touched: readonly Touched[], registry: DriverRegistry): Ledger {
  const entries = new Map<ResourceKey, LedgerEntry>(ledger.entries.map((entry) => [entry.key, entry]));
  for (const { kind, key, before, after } of touched) {
    const { remember } = driverOf(registry, kind);
    const known = entries.get(key);
    if (remember === undefined || after === null) continue;
    entries.set(key, { kind, key, spec: after, original: remember(known?.original ?? null, before, after) });
  }
  return { ...ledger, entries: [...entries.values()] };
}

function placeOfEntry({ kind, spec }: LedgerEntry): string {
  return placeOf(kind, spec);
}

function placeOfChange({ kind, key, before, after }: Touched): string {
  const spec = before ?? after;
  return spec === null ? key : placeOf(kind, spec);
}
