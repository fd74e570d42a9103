import type { ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";

/** One thing that is ours by the last accepted apply. */
export interface LedgerEntry {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  /** The spec as last accepted. */
  readonly spec: Spec;
  /** What stood in its place before awg took it; only for kinds that put an original back (`restoring` of the driver). */
  readonly original: Spec | null;
}

/** What awg answers for on this machine: the only licence, besides our marks, to change or delete (law 6). */
export interface Ledger {
  /** Number of the accepted generation; 0 before the first. */
  readonly generation: number;
  /** Sorted by key; keys are unique. */
  readonly entries: readonly LedgerEntry[];
}

/** The ledger of a machine that awg never touched. */
export const EMPTY_LEDGER: Ledger = { generation: 0, entries: [] };

/** The entries by key. */
export function entriesByKey(ledger: Ledger): ReadonlyMap<ResourceKey, LedgerEntry> {
  return new Map(ledger.entries.map((entry) => [entry.key, entry]));
}
