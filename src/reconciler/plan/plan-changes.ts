import { AwgError } from "../../model/error.ts";
import type { Plan } from "../../model/plan.ts";
import type { Resource, ResourceKey, Spec } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Change, Conflict, PlanOptions } from "./change.ts";
import { currentResource } from "./current-resource.ts";
import type { InterruptedSteps } from "./interrupted-steps.ts";
import { judgeDesired } from "./judge-desired.ts";
import { judgeUnwanted } from "./judge-unwanted.ts";
import { entriesByKey, type Ledger, ledgerTowards } from "./ledger.ts";
import { driverOf, kindsOf, type Observation } from "./observation.ts";
import { placeOf } from "./place.ts";
import { cutSteps, type InSync } from "./steps/cut-steps.ts";
import { orderBatches } from "./steps/order.ts";

export interface PlanInput {
  readonly desired: DesiredState;
  readonly observed: Observation;
  readonly ledger: Ledger;
  readonly registry: DriverRegistry;
  /** Resources to recreate even if nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** Wanted resources that cannot be applied: left as found, except for the part that needs no other resource. */
  readonly leave?: ReadonlySet<ResourceKey>;
  /** Steps of an unfinished change by awg. */
  readonly interrupted?: InterruptedSteps;
}

/** A fact about a resource that leads to no step. */
export interface PlanNote {
  readonly key: ResourceKey;
  readonly message: string;
}

export interface PlanResult {
  readonly plan: Plan;
  /** Non-empty: the plan must not be executed (exit 8). */
  readonly conflicts: readonly Conflict[];
  readonly notes: readonly PlanNote[];
}

/**
 * The ordered steps from the observed to the desired state. What is ours (by mark or ledger) and no longer desired is
 * removed. Objects of other programs are never changed; one in a wanted place is a conflict (law 6).
 * Pure; without differences the plan has no batches (law 3).
 */
export function planChanges({
  desired,
  observed,
  ledger,
  registry,
  replace = new Set(),
  leave,
  interrupted = new Map(),
}: PlanInput): PlanResult {
  const entries = entriesByKey(ledgerTowards(ledger, desired));
  const places = new Set(desired.resources.map(({ kind, spec }) => placeOf(kind, spec)));
  const options: PlanOptions = { lifecycle: desired.lifecycle, replace, places, interrupted };
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const inSync: InSync[] = [];
  const wanted = new Set<ResourceKey>();
  for (const { kind, key, spec: whole } of desired.resources) {
    if (wanted.has(key)) throw new AwgError("bug", `the desired state names ${key} twice`);
    wanted.add(key);
    const driver = driverOf(registry, kind);
    const spec = leave?.has(key) === true ? driver.withoutNeeds?.(whole) : whole;
    if (spec === undefined) continue;
    const resource = { kind, key, spec } as Resource;
    const verdict = judgeDesired(resource, currentResource(resource, driver, observed, entries.get(key)), options);
    if (verdict.kind === "change") changes.push(...verdict.changes);
    else if (verdict.kind === "conflict") conflicts.push(verdict.conflict);
    else inSync.push({ kind, key, spec });
  }
  const vacated = new Set(changes.filter(isRemoval).map(({ kind, before }) => placeOf(kind, before as Spec)));
  for (const kind of kindsOf(registry)) {
    const driver = driverOf(registry, kind);
    const keys = new Set(observed.current.get(kind)?.keys());
    for (const entry of entries.values()) if (entry.kind === kind) keys.add(entry.key);
    for (const key of keys) {
      if (wanted.has(key)) continue;
      const current = currentResource({ kind, key }, driver, observed, entries.get(key));
      const verdict = judgeUnwanted(current, vacated, options);
      if (verdict.kind === "change") changes.push(...verdict.changes);
    }
  }
  const steps = cutSteps(changes, inSync, registry);
  const touched = new Set(steps.map(({ step }) => step.key));
  const unchanged = inSync.map(({ key }) => key).filter((key) => !touched.has(key));
  return { plan: { batches: orderBatches(steps, registry), unchanged }, conflicts, notes: foreignNotes(observed) };
}

function isRemoval({ action, before }: Change): boolean {
  return action === "delete" && before !== null;
}

/** Foreign lines of one resource that are listed one by one. */
const SHOWN_FOREIGN = 5;

/** What other programs wrote into our tables and ranges: left alone, but reported. Pure. */
export function foreignNotes(observed: Observation): readonly PlanNote[] {
  const notes: PlanNote[] = [];
  for (const [key, value] of observed.current.get("routes") ?? []) {
    if (!("foreign" in value)) continue;
    const shown = value.foreign.slice(0, SHOWN_FOREIGN);
    for (const line of shown) notes.push({ key, message: `not ours, left alone: ${line}` });
    const more = value.foreign.length - shown.length;
    if (more > 0) notes.push({ key, message: `not ours, left alone: ${more} more` });
  }
  for (const [key, value] of observed.current.get("tunnel") ?? []) {
    if ("silence" in value && value.silence?.isForeign === true)
      notes.push({ key, message: `left alone: ${value.silence.text}` });
  }
  return notes;
}
