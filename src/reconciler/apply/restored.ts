import { sameData } from "../../model/canonical.ts";
import { isClaim, type Step } from "../../model/plan.ts";
import type { Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { JournalledBatch } from "../journal/open-transaction.ts";
import { type AnyDriver, driverOf } from "../plan/observation.ts";
import { placeOf } from "../plan/place.ts";
import { observeKinds } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";

/** The content of one place before a transaction, and what the transaction last wrote there. */
export interface Touched {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly before: Spec | null;
  readonly after: Spec | null;
}

/** Every place that batches touched, in the order of the first touch. Pure. */
export function touchedPlaces(batches: readonly Pick<JournalledBatch, "batch">[]): readonly Touched[] {
  const places = new Map<string, Touched>();
  for (const step of batches.flatMap(({ batch }) => batch.steps)) {
    const { kind, key, before, after } = step;
    const spec = before ?? after;
    if (spec === null || isClaim(step)) continue;
    const place = `${key} at ${placeOf(kind, spec)}`;
    const known = places.get(place);
    places.set(place, { kind, key, before: known === undefined ? before : known.before, after });
  }
  return [...places.values()];
}

/**
 * Steps that restore the touched places; [] when they are restored. Reads the host.
 * A place that was empty is right when nothing of ours is in it. A recreated resource must match in all that its driver
 * compares (a device up); one that existed all the time may be as it was found.
 */
export async function unrestored(
  deps: Pick<ApplyDeps, "host" | "registry">,
  touched: readonly Touched[],
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const place of touched) {
    const { kind, key, before, after } = place;
    const wanted = before ?? after;
    if (wanted === null) continue;
    const observed = (await observeKinds(deps.host, deps.registry, [kind], new Map([[kind, new Map([[key, wanted]])]])))
      .get(kind)
      ?.get(key);
    const driver = driverOf(deps.registry, kind);
    const found = observed === undefined ? undefined : driver.asSpec(observed);
    if (before !== null && observed !== undefined && isLeft(driver, before, observed)) continue;
    const reason = "restore the previous state";
    const common = {
      kind,
      key,
      phase: "retire",
      before: found ?? null,
      after: before,
      changes: [],
      reason,
    } as const;
    if (before === null) {
      if (observed === undefined || found === undefined || !driver.isOwned(observed)) continue;
      steps.push({ ...common, action: "delete" } as Step);
    } else if (observed === undefined || found === undefined) {
      steps.push({ ...common, action: "create" } as Step);
    } else if ((after === null || !sameData(found, before)) && driver.diff(before, observed).length > 0) {
      steps.push({ ...common, action: "update" } as Step);
    }
  }
  return steps;
}

/** Whether it does not answer and another program must be asked before it is disturbed. */
function isLeft({ recall, heldBy }: AnyDriver, before: Spec, observed: Observed): boolean {
  return heldBy?.(before, recall?.(observed, before) ?? observed)?.canStay === true;
}
