import type { Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { DriverRegistry, ResourceDriver } from "../../resources/driver.ts";
import { entriesByKey, type Ledger, ledgerTowards } from "./ledger.ts";
import { placeOf } from "./place.ts";

/** A driver of some kind, when the kind is known only at run time. */
export type AnyDriver = ResourceDriver<ResourceKind>;

/** What was observed, by kind and key. */
export type ObservedByKind = ReadonlyMap<ResourceKind, ReadonlyMap<ResourceKey, Observed>>;

/** The host as the drivers read it, at one time. */
export interface Observation {
  readonly current: ObservedByKind;
  /** What exists in the old place of a key whose desired place is another (a renamed device, a renumbered table). */
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

/**
 * What must be written so that the spec holds and settings it no longer names are restored (see `restoring` of the
 * driver).
 */
export function effectiveSpec(driver: AnyDriver, spec: Spec | null, original: Spec | null): Spec | null {
  return isSetting(driver) ? driver.restoring(spec, original) : spec;
}

/**
 * The specs that drivers need to observe all that a plan from this ledger to this desired state may touch: desired
 * specs, and specs that only the ledger holds. The old places of moving keys are separate.
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

/** Whether this is the packet filter: the only kind that changes through a state that old and new both allow. Pure. */
export function isPolicy(driver: AnyDriver): driver is AnyDriver & Required<Pick<AnyDriver, "between">> {
  return driver.between !== undefined;
}

/** Whether these are settings of the host: they always exist, and are restored instead of deleted. Pure. */
export function isSetting(driver: AnyDriver): driver is AnyDriver & Required<Pick<AnyDriver, "restoring">> {
  return driver.restoring !== undefined;
}

/** Whether no trace of our packet filter is left, so that nothing is blocked. Pure. */
export function isPolicyGone(driver: AnyDriver, found: Observed): boolean {
  return isPolicy(driver) && !driver.isOwned(found);
}
