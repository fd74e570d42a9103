import type { Host } from "../../host/ports/host.ts";
import type { Observed, ResourceKey, ResourceKind } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Ledger } from "../plan/ledger.ts";
import {
  driverOf,
  kindsOf,
  type Observation,
  type ObservedByKind,
  type WantedByKind,
  wantedSpecs,
} from "../plan/observation.ts";

/** Reads everything that a plan from this ledger to this desired state may touch; changes nothing (law 2). */
export async function observeMachine(
  host: Host,
  registry: DriverRegistry,
  desired: DesiredState,
  ledger: Ledger,
): Promise<Observation> {
  const wanted = wantedSpecs(desired, ledger, registry);
  const seen = host.snapshot?.() ?? host;
  const current = await observeKinds(seen, registry, kindsOf(registry), wanted.current);
  const moved = await observeKinds(seen, registry, [...wanted.moved.keys()], wanted.moved);
  return { current: recalled(current, registry, ledger), moved: recalled(moved, registry, ledger) };
}

/** A resource that does not report its state is taken to be as accepted. */
function recalled(observed: ObservedByKind, registry: DriverRegistry, { entries }: Ledger): ObservedByKind {
  const all = new Map<ResourceKind, Map<ResourceKey, Observed>>();
  for (const [kind, found] of observed) all.set(kind, new Map(found));
  for (const { kind, key, spec } of entries) {
    const { recall } = driverOf(registry, kind);
    const found = all.get(kind)?.get(key);
    if (recall !== undefined && found !== undefined) all.get(kind)?.set(key, recall(found, spec));
  }
  return all;
}

/** Reads the given kinds one after the other: concurrent readers of one host gain nothing. */
export async function observeKinds(
  host: Host,
  registry: DriverRegistry,
  kinds: readonly ResourceKind[],
  wanted: WantedByKind,
): Promise<ObservedByKind> {
  const observed = new Map<ResourceKind, ReadonlyMap<ResourceKey, Observed>>();
  for (const kind of kinds) {
    observed.set(kind, await driverOf(registry, kind).observe(host, wanted.get(kind) ?? new Map()));
  }
  return observed;
}
