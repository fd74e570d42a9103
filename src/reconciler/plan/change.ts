import { sameData } from "../../model/canonical.ts";
import type { Action } from "../../model/plan.ts";
import type { FieldChange, Observed, Resource, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { Lifecycle } from "../../model/resources/lifecycle.ts";
import type { LinkObserved } from "../../model/resources/link.ts";
import { markDrift } from "./drift.ts";
import { withIgnored } from "./ignored.ts";
import { type Begun, mayHaveSet, mayHaveTaken } from "./interrupted-steps.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { AnyDriver, Observation } from "./observation.ts";
import { effectiveSpec, isPolicyGone } from "./observation.ts";
import { placeOf } from "./place.ts";

/** What must happen to one key, before it is cut into ordered steps. */
export interface Change {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly action: Action;
  readonly before: Spec | null;
  readonly after: Spec | null;
  readonly changes: readonly FieldChange[];
  readonly reason: string;
}

/** Something of somebody else's stands where a desired resource must stand (exit 8). */
export interface Conflict {
  readonly key: ResourceKey;
  /** Who or what holds the place, for people. */
  readonly holder: string;
}

export type Verdict =
  | { readonly kind: "unchanged" }
  | { readonly kind: "change"; readonly changes: readonly Change[] }
  | { readonly kind: "conflict"; readonly conflict: Conflict };

const UNCHANGED: Verdict = { kind: "unchanged" };

/** What a plan is asked for beside the desired resources. */
export interface Wishes {
  readonly lifecycle: Lifecycle | undefined;
  /** Made anew although nothing differs. */
  readonly replace: ReadonlySet<ResourceKey>;
  /** Where the desired resources stand. */
  readonly places: ReadonlySet<string>;
  /** What a change of awg's began that has not ended: nobody else is told to have done it. */
  readonly begun: Begun;
}

const OWN_DOING = "was changed by awg's own change, which has not ended";

/** What is to be done about a desired resource. Pure. */
export function judgeDesired(
  resource: Resource,
  driver: AnyDriver,
  observation: Observation,
  entry: LedgerEntry | undefined,
  { lifecycle, replace, places, begun }: Wishes,
): Verdict {
  const { kind, key } = resource;
  const observed = observation.current.get(kind)?.get(key);
  const wanted = withIgnored(resource.spec, key, { driver, observed, lifecycle });
  const after = effectiveSpec(driver, wanted, entry?.original ?? null) ?? wanted;
  const isMoved = entry !== undefined && placeOf(kind, entry.spec) !== placeOf(kind, resource.spec);
  const movedAway = departure(resource, driver, observation, places);
  const standing = observed === undefined ? undefined : driver.asSpec(observed);
  const hold = observed === undefined ? undefined : driver.heldBy?.(after, observed);
  if (hold !== undefined && !(replace.has(key) && standing !== undefined))
    return hold.canStay ? UNCHANGED : { kind: "conflict", conflict: { key, holder: hold.holder } };
  if (observed === undefined || (standing === undefined && driver.between === undefined)) {
    const lost = mayHaveTaken(begun, key)
      ? OWN_DOING
      : observed === undefined
        ? "was removed outside awg"
        : "is no longer what awg made";
    const reason = entry === undefined || isMoved ? "not there yet" : lost;
    // A policy that somebody took away is put back to what was accepted, never to nothing (law 1).
    const before = driver.between === undefined ? null : (entry?.spec ?? null);
    const action = before === null ? "create" : "update";
    return changed(...movedAway, { kind, key, action, before, after, changes: [], reason });
  }
  // Even what the ledger names: a thing without our mark in that place is another thing than the one we made.
  if (standing !== undefined && !isOurs(driver, observed)) {
    if (driver.mayAdopt?.(after, observed) === true) {
      const changes = driver.diff(after, observed);
      const reason = `taken over from ${holderOf(resource, observed)}, as conflicts says`;
      return changed(...movedAway, { kind, key, action: "adopt", before: standing, after, changes, reason });
    }
    return { kind: "conflict", conflict: { key, holder: holderOf(resource, observed) } };
  }
  if (replace.has(key) && standing !== undefined) {
    const changes = driver.diff(after, observed);
    return changed(...movedAway, {
      kind,
      key,
      action: "replace",
      before: standing,
      after,
      changes,
      reason: "asked for by --replace",
    });
  }
  return judgeStanding({ kind, key, after, driver, observed, standing, entry, movedAway, lifecycle, begun });
}

interface Standing {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly after: Spec;
  readonly driver: AnyDriver;
  readonly observed: Observed;
  readonly standing: Spec | undefined;
  readonly entry: LedgerEntry | undefined;
  readonly movedAway: readonly Change[];
  readonly lifecycle: Lifecycle | undefined;
  readonly begun: Begun;
}

function judgeStanding(place: Standing): Verdict {
  const { kind, key, after, driver, observed, standing, entry, movedAway, begun } = place;
  const differing = driver.diff(after, observed);
  const isRemoved = entry !== undefined && isPolicyGone(driver, observed);
  const isOwn = ({ field }: FieldChange) => (isRemoved ? mayHaveTaken(begun, key) : mayHaveSet(begun, key, field));
  const changes = markDrift(differing, place).map((change) => (isOwn(change) ? withoutMark(change) : change));
  if (changes.length === 0) {
    if (entry === undefined) {
      const reason = "already as desired; awg answers for it from now on";
      return changed(...movedAway, { kind, key, action: "adopt", before: after, after, changes, reason });
    }
    return movedAway.length === 0 ? UNCHANGED : changed(...movedAway);
  }
  const before = standing ?? entry?.spec ?? null;
  const drifted = entry !== undefined && sameData(entry.spec, after);
  const differs = before === null ? "not there yet" : "differs from the configuration";
  const byOthers = isRemoved ? "was removed outside awg" : drifted ? "was changed outside awg" : differs;
  const moved = changes.every(isOwn) && (isRemoved || drifted) ? OWN_DOING : byOthers;
  const reason = driver.reason?.(changes) ?? moved;
  const action = before === null ? "create" : driver.needsReplace?.(changes) === true ? "replace" : "update";
  return changed(...movedAway, { kind, key, action, before, after, changes, reason });
}

function withoutMark({ drift: _, ...change }: FieldChange): FieldChange {
  return change;
}

/**
 * The removal of what a moving key leaves behind in its old place. Where another desired resource takes that place, it makes
 * of what stands there what it needs: a removal would come after it.
 */
function departure(
  resource: Resource,
  driver: AnyDriver,
  observation: Observation,
  places: ReadonlySet<string>,
): readonly Change[] {
  const { kind, key } = resource;
  const observed = observation.moved.get(kind)?.get(key);
  if (observed === undefined || !driver.isOwned(observed)) return [];
  const before = driver.asSpec(observed);
  if (before === undefined || places.has(placeOf(kind, before))) return [];
  return [{ kind, key, action: "delete", before, after: null, changes: [], reason: "moved to another place" }];
}

/** What is to be done about something that is ours and no longer desired. Pure. */
export function judgeUnwanted(
  kind: ResourceKind,
  key: ResourceKey,
  driver: AnyDriver,
  observation: Observation,
  entry: LedgerEntry | undefined,
  departing: ReadonlySet<string>,
  { lifecycle, places }: Wishes,
): Verdict {
  if (lifecycle?.retain.includes(key) === true) {
    if (entry === undefined) return UNCHANGED;
    const reason = "no longer in the configuration; retained, so it stays and awg lets go of it";
    return changed({ kind, key, action: "forget", before: entry.spec, after: null, changes: [], reason });
  }
  const observed = observation.current.get(kind)?.get(key);
  const standing = observed === undefined ? undefined : driver.asSpec(observed);
  if (driver.between !== undefined && standing === undefined && observed !== undefined && isOurs(driver, observed)) {
    // Remains of a damaged policy have no form as a spec and must go all the same.
    const reason = "no longer in the configuration, and damaged";
    const before = entry?.spec ?? null;
    return changed({ kind, key, action: "delete", before, after: null, changes: [], reason });
  }
  const after = effectiveSpec(driver, null, entry?.original ?? null);
  const gone = observed === undefined || standing === undefined || !isOurs(driver, observed);
  const putBack =
    driver.restoring !== undefined && (after === null || gone || driver.diff(after, observed).length === 0);
  const place = standing === undefined ? "" : placeOf(kind, standing);
  // A driver may name what a moving key leaves behind by a key of its own; it goes once.
  if (entry === undefined && departing.has(place)) return UNCHANGED;
  const taken = places.has(place);
  if (gone || putBack || taken) {
    if (entry === undefined) return UNCHANGED;
    const reason = taken ? "another resource stands in its place" : "is gone already or no longer ours";
    return changed({ kind, key, action: "forget", before: entry.spec, after: null, changes: [], reason });
  }
  const reason = "no longer in the configuration";
  return changed({ kind, key, action: "delete", before: standing, after, changes: [], reason });
}

/** Settings carry no mark: they are ours by the ledger alone, and taking one is no conflict. */
function isOurs(driver: AnyDriver, observed: Observed): boolean {
  return driver.restoring !== undefined || driver.isOwned(observed);
}

function changed(...changes: readonly Change[]): Verdict {
  return { kind: "change", changes };
}

function holderOf(resource: Resource, observed: Observed): string {
  if (resource.kind === "link") {
    const { holder } = observed as LinkObserved;
    if (holder !== undefined) return `${holder.program} (process ${holder.pid})`;
    const type = "type" in observed && typeof observed.type === "string" ? observed.type : "other";
    const kind = type === "other" ? "that is no tunnel" : `of type ${type}`;
    return `a device named ${resource.spec.device} ${kind}, without awg's mark`;
  }
  return `${placeOf(resource.kind, resource.spec)}, which does not carry awg's mark`;
}
