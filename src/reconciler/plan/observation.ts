import type { DesiredState, Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { DriverRegistry, ResourceDriver } from "../../resources/driver.ts";
import { entriesByKey, type Ledger, ledgerTowards } from "./ledger.ts";
import { placeOf } from "./place.ts";

/** A driver of some kind, when the kind is known only at run time. */
export type AnyDriver = ResourceDriver<ResourceKind>;

/** What was observed, by kind and key. */
export type ObservedByKind = ReadonlyMap<ResourceKind, ReadonlyMap<ResourceKey, Observed>>;

/** The machine as the drivers read it, at one time. */
export interface Observation {
  readonly current: ObservedByKind;
  /** What stands in the old place of a key whose desired place is another (a renamed device, a renumbered table). */
  readonly moved: ObservedByKind;
}

/** Specs by kind and key, in the form `observe` of a driver takes. */
export type WantedByKind = ReadonlyMap<ResourceKind, ReadonlyMap<ResourceKey, Spec>>;

/** The driver of a kind. */
export function driverOf(registry: DriverRegistry, kind: ResourceKind): AnyDriver {
  return registry[kind] as unknown as AnyDriver;
}

/** Every kind that has a driver. */
export function kindsOf(registry: DriverRegistry): readonly ResourceKind[] {
  return Object.keys(registry) as ResourceKind[];
}

/** What must be written so that the spec holds and what it no longer names goes back (see `restoring` of the driver). */
export function effectiveSpec(driver: AnyDriver, spec: Spec | null, original: Spec | null): Spec | null {
  return driver.restoring === undefined ? spec : driver.restoring(spec, original);
}

/**
 * Which specs the drivers must be told of to observe everything that a plan from this ledger to this desired state may
 * touch: desired ones, those in the ledger only, and, apart, the old places of keys that move.
 */
export function wantedSpecs(
  desired: DesiredState,
  accepted: Ledger,
  registry: DriverRegistry,
): { readonly current: WantedByKind; readonly moved: WantedByKind } {
  const ledger = ledgerTowards(accepted, desired);
  const entries = entriesByKey(ledger);
  const current = new Map<ResourceKind, Map<ResourceKey, Spec>>();
  const moved = new Map<ResourceKind, Map<ResourceKey, Spec>>();
  for (const { kind, key, spec } of desired.resources) {
    const entry = entries.get(key);
    put(current, kind, key, effectiveSpec(driverOf(registry, kind), spec, entry?.original ?? null) ?? spec);
    if (entry !== undefined && placeOf(kind, entry.spec) !== placeOf(kind, spec)) put(moved, kind, key, entry.spec);
  }
  for (const { kind, key, spec } of ledger.entries) {
    if (current.get(kind)?.has(key) !== true) put(current, kind, key, spec);
  }
  return { current, moved };
}

function put(specs: Map<ResourceKind, Map<ResourceKey, Spec>>, kind: ResourceKind, key: ResourceKey, spec: Spec): void {
  const ofKind = specs.get(kind) ?? new Map<ResourceKey, Spec>();
  specs.set(kind, ofKind.set(key, spec));
}

/** Whether of a packet filter that is to stand there is no trace: nothing is blocked then. Pure. */
export function isPolicyGone(driver: AnyDriver, found: Observed): boolean {
  return driver.between !== undefined && !driver.isOwned(found);
}
