import type { Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { LedgerEntry } from "./ledger.ts";
import { type AnyDriver, isSetting, type Observation } from "./observation.ts";

/** One key as it is on the host and in the ledger. */
export interface CurrentResource {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly driver: AnyDriver;
  /** Undefined when the driver found nothing in its place. */
  readonly observed: Observed | undefined;
  /** The observed state in the form of a spec; undefined when nothing usable exists. */
  readonly spec: Spec | undefined;
  /** What exists in the old place of a key whose desired place is another. */
  readonly inOldPlace: Observed | undefined;
  readonly entry: LedgerEntry | undefined;
}

/** Collects what is known of one key. Pure. */
export function currentResource(
  { kind, key }: { readonly kind: ResourceKind; readonly key: ResourceKey },
  driver: AnyDriver,
  { current, moved }: Observation,
  entry: LedgerEntry | undefined,
): CurrentResource {
  const observed = current.get(kind)?.get(key);
  const spec = observed === undefined ? undefined : driver.asSpec(observed);
  return { kind, key, driver, observed, spec, inOldPlace: moved.get(kind)?.get(key), entry };
}

/** Whether awg may change what was observed. Settings carry no mark: the ledger alone makes them ours. Pure. */
export function isOurs(driver: AnyDriver, observed: Observed): boolean {
  return isSetting(driver) || driver.isOwned(observed);
}
