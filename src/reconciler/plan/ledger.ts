import type { DesiredState, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import { movedKey } from "../../model/resources/lifecycle.ts";

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

/**
 * The ledger as a plan towards this state reads it: what the state calls by a new name (`lifecycle.moved`) stands under
 * that name, so that nothing is taken down for a name's sake. A name that is still wanted, or taken, keeps its own. Pure.
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
