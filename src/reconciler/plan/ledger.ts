import type { ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { movedKey } from "../../model/resources/lifecycle.ts";

/** One object that is ours since the last accepted apply. */
export interface LedgerEntry {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  /** The spec as last accepted. */
  readonly spec: Spec;
  /** What existed in its place before awg; only for kinds that restore an original (`restoring` of the driver). */
  readonly original: Spec | null;
}

/** What awg manages on this host. Besides our marks, this is the only permission to change or delete (law 6). */
export interface Ledger {
  /** Number of the accepted generation; 0 before the first. */
  readonly generation: number;
  /** Sorted by key; keys are unique. */
  readonly entries: readonly LedgerEntry[];
}

/** The ledger of a host that awg never changed. */
export const EMPTY_LEDGER: Ledger = { generation: 0, entries: [] };

/** The entries by key. */
export function entriesByKey(ledger: Ledger): ReadonlyMap<ResourceKey, LedgerEntry> {
  return new Map(ledger.entries.map((entry) => [entry.key, entry]));
}

/**
 * The ledger as a plan towards this state reads it: keys that the state renames (`lifecycle.moved`) have their new
 * name, so a rename removes nothing. An entry keeps its key if that key is still wanted, or if the new one is taken.
 * Pure.
 */
export function ledgerTowards(ledger: Ledger, { lifecycle, resources }: DesiredState): Ledger {
  const moves = lifecycle?.moved ?? [];
  if (moves.length === 0) return ledger;
  const wanted = new Set(resources.map(({ key }) => key));
  const taken = new Set(ledger.entries.map(({ key }) => key));
  const entries = ledger.entries.map((entry) => {
    const key = movedKey(entry.key, moves);
    return wanted.has(entry.key) || !wanted.has(key) || taken.has(key) ? entry : { ...entry, key };
  });
  return { ...ledger, entries };
}
