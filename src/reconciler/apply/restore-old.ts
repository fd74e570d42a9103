import { AwgError } from "../../model/error.ts";
import { isClaim } from "../../model/plan.ts";
import type { Resource, ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { JournalledBatch } from "../journal/open-transaction.ts";
import type { Ledger, LedgerEntry } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import { placeOf } from "../plan/place.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { observeMachine } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";
import { type Touched, touchedPlaces } from "./restored.ts";
import { performSteps } from "./run-batches.ts";
import { SETTLE_WAITS_MS } from "./verify.ts";

/**
 * Restores the old state by planning from the observed state to the one that ledger and journal describe. For when
 * inverse steps fail, because another program changed what the transaction never touched (for example removed a route's
 * device). Throws the error of the last try.
 */
export async function restoreOldState(deps: ApplyDeps, journalled: readonly JournalledBatch[]): Promise<void> {
  const { host, registry, stores } = deps;
  const accepted = await stores.ledger.read();
  const touched = touchedPlaces(journalled);
  const ledger = ledgerOfJournal(accepted, touched, registry);
  // What the transaction created itself may be adopted by its later run: the first run recorded what existed before.
  const made = new Set(touched.map(placeOfChange));
  const adopted = journalled.flatMap(({ batch }) =>
    batch.steps.filter((step) => isClaim(step) && step.action === "adopt" && !made.has(placeOfChange(step))),
  );
  const lifecycle = (await stores.generations.latest())?.desired.lifecycle;
  // Only `ignore` applies here: protected, retained and moved keys concern the new state.
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
      // What was not recorded existed before too: a rollback does not remove it.
      const batches = plan.batches.map((batch) => batch.steps.filter((step) => concerned.has(placeOfChange(step))));
      const acting = batches.flat().filter((step) => !isClaim(step));
      if (acting.length === 0) return;
      failure = new AwgError(
        "verification",
        `the previous state could not be restored: ${acting.map(({ key }) => key).join(", ")}`,
      );
      for (const steps of batches) await performSteps(deps, steps);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * The state before a transaction as a desired state: the ledger, what the transaction adopted by our mark, and what it
 * found in the places it touched. Pure.
 */
function oldState(ledger: Ledger, found: readonly Pick<Touched, "kind" | "key" | "before">[]): DesiredState {
  const resources = new Map<ResourceKey, Resource>();
  for (const { kind, key, spec } of ledger.entries) resources.set(key, { kind, key, spec } as Resource);
  for (const { kind, key, before } of found) {
    if (before === null) continue;
    // The same object under its new name.
    for (const other of resources.values()) {
      if (other.kind === kind && other.key !== key && placeOf(kind, other.spec) === placeOf(kind, before))
        resources.delete(other.key);
    }
    resources.set(key, { kind, key, spec: before } as Resource);
  }
  return { resources: [...resources.values()] };
}

/**
 * The ledger plus settings that an unfinished transaction changed: they carry no mark, so only its journal shows that
 * they must be restored. Pure.
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
