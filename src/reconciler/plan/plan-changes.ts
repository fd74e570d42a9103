import { AwgError } from "../../model/error.ts";
import type { Plan } from "../../model/plan.ts";
import type { DesiredState, Resource, ResourceKey, Spec } from "../../model/resource.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { type Change, type Conflict, judgeDesired, judgeUnwanted, type Wishes } from "./change.ts";
import type { Begun } from "./interrupted-steps.ts";
import { entriesByKey, type Ledger, ledgerTowards } from "./ledger.ts";
import { driverOf, kindsOf, type Observation } from "./observation.ts";
import { orderBatches } from "./order.ts";
import { placeOf } from "./place.ts";
import { cutSteps, type InSync } from "./steps.ts";

export interface PlanInput {
  readonly desired: DesiredState;
  readonly observed: Observation;
  readonly ledger: Ledger;
  readonly registry: DriverRegistry;
  /** Resources to make anew although nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** Resources that are wanted and cannot stand: left as they are found, but for what of them stands by itself. */
  readonly leave?: ReadonlySet<ResourceKey>;
  /** What a change of awg's began that has not ended. */
  readonly begun?: Begun;
}

/** Something people should know about a resource that no step is made of. */
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
 * The ordered steps from what was observed to what is desired. What is ours (by mark or by the ledger) and no longer
 * desired is removed; what is somebody else's is never touched, and is a conflict where it holds a wanted place (law 6).
 * Pure; nothing to do gives a plan without batches (law 3).
 */
export function planChanges({
  desired,
  observed,
  ledger,
  registry,
  replace = new Set(),
  leave,
  begun = new Map(),
}: PlanInput): PlanResult {
  const entries = entriesByKey(ledgerTowards(ledger, desired));
  const places = new Set(desired.resources.map(({ kind, spec }) => placeOf(kind, spec)));
  const wishes: Wishes = { lifecycle: desired.lifecycle, replace, places, begun };
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
    const verdict = judgeDesired({ kind, key, spec } as Resource, driver, observed, entries.get(key), wishes);
    if (verdict.kind === "change") changes.push(...verdict.changes);
    else if (verdict.kind === "conflict") conflicts.push(verdict.conflict);
    else inSync.push({ kind, key, spec });
  }
  const departing = new Set(changes.filter(isDeparture).map(({ kind, before }) => placeOf(kind, before as Spec)));
  for (const kind of kindsOf(registry)) {
    const driver = driverOf(registry, kind);
    const keys = new Set(observed.current.get(kind)?.keys());
    for (const entry of entries.values()) if (entry.kind === kind) keys.add(entry.key);
    for (const key of keys) {
      if (wanted.has(key)) continue;
      const verdict = judgeUnwanted(kind, key, driver, observed, entries.get(key), departing, wishes);
      if (verdict.kind === "change") changes.push(...verdict.changes);
    }
  }
  const steps = cutSteps(changes, inSync, registry);
  const touched = new Set(steps.map(({ step }) => step.key));
  const unchanged = inSync.map(({ key }) => key).filter((key) => !touched.has(key));
  return { plan: { batches: orderBatches(steps, registry), unchanged }, conflicts, notes: foreignNotes(observed) };
}

function isDeparture({ action, before }: Change): boolean {
  return action === "delete" && before !== null;
}

/** Foreign lines of one resource that are told one by one. */
const SHOWN_FOREIGN = 5;

/** What others wrote into our tables and ranges: left alone, but said. Pure. */
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
