import { sameData } from "../../model/canonical.ts";
import type { FieldChange, Observed, Resource, Spec } from "../../model/resource.ts";
import type { LinkObserved } from "../../model/resources/link.ts";
import { type Change, type PlanOptions, type Verdict, verdictOf } from "./change.ts";
import { type CurrentResource, isOurs } from "./current-resource.ts";
import { markDrift } from "./drift.ts";
import { withIgnored } from "./ignored.ts";
import { mayHaveSet, mayHaveTaken } from "./interrupted-steps.ts";
import { effectiveSpec, isPolicy, isPolicyGone, isSetting } from "./observation.ts";
import { placeOf } from "./place.ts";

const OWN_CHANGE = "was changed by an unfinished change of awg";

/** A change of one key without the fields that name the key. */
type Correction = Pick<Change, "action" | "before" | "after" | "changes" | "reason">;

/** Decides what to do about a desired resource. Pure. */
export function judgeDesired(desired: Resource, current: CurrentResource, options: PlanOptions): Verdict {
  const { kind, key } = desired;
  const { observed, spec, driver } = current;
  const after = specToWrite(desired, current, options);
  const mustReplace = options.replace.has(key) && spec !== undefined;
  const hold = observed === undefined ? undefined : driver.heldBy?.(after, observed);
  if (hold !== undefined && !mustReplace) return hold.canStay ? verdictOf([]) : conflict(desired, hold.holder);

  // A policy without a spec is a damaged one and is repaired in place; anything else without a spec is absent.
  if (observed === undefined || (spec === undefined && !isPolicy(driver)))
    return withMove(creation(desired, current, after, options));
  if (spec !== undefined && !isOurs(driver, observed)) {
    // The ledger gives no claim here: without our mark it is not the object that awg created.
    const holder = holderOf(desired, observed);
    if (driver.mayAdopt?.(after, observed) !== true) return conflict(desired, holder);
    const reason = `taken over from ${holder}, as \`conflicts\` says`;
    return withMove({ action: "adopt", before: spec, after, changes: driver.diff(after, observed), reason });
  }
  if (mustReplace) {
    const changes = driver.diff(after, observed);
    return withMove({ action: "replace", before: spec, after, changes, reason: "requested by --replace" });
  }
  return withMove(correction({ ...current, observed }, after, options));

  function withMove(one: Correction | undefined): Verdict {
    const moved = removalOfMovedKey(current, options);
    return verdictOf(one === undefined ? moved : [...moved, { kind, key, ...one }]);
  }
}

/** The desired spec, with ignored fields as found and with originals of settings put back. */
function specToWrite(desired: Resource, { driver, observed, entry }: CurrentResource, options: PlanOptions): Spec {
  const { lifecycle } = options;
  const wanted = withIgnored(desired.spec, desired.key, { driver, observed, lifecycle });
  return effectiveSpec(driver, wanted, entry?.original ?? null) ?? wanted;
}

function creation(desired: Resource, current: CurrentResource, after: Spec, options: PlanOptions): Correction {
  const { driver, entry, observed } = current;
  const isMoved = entry !== undefined && placeOf(entry.kind, entry.spec) !== placeOf(desired.kind, desired.spec);
  // A policy that another program removed is restored to the accepted one, never to nothing (law 1).
  const before = isPolicy(driver) ? (entry?.spec ?? null) : null;
  const action = before === null ? "create" : "update";
  if (entry === undefined || isMoved) return { action, before, after, changes: [], reason: "will be created" };
  const byOthers = observed === undefined ? "was removed outside awg" : "was replaced outside awg";
  const reason = mayHaveTaken(options.interrupted, current.key) ? OWN_CHANGE : byOthers;
  return { action, before, after, changes: [], reason };
}

/** What brings a resource of ours to its desired form; undefined when it is in sync. */
function correction(
  current: CurrentResource & { readonly observed: Observed },
  after: Spec,
  { lifecycle, interrupted }: PlanOptions,
): Correction | undefined {
  const { key, driver, observed, spec, entry } = current;
  const isRemoved = entry !== undefined && isPolicyGone(driver, observed);
  const isOwn = ({ field }: FieldChange): boolean =>
    isRemoved ? mayHaveTaken(interrupted, key) : mayHaveSet(interrupted, key, field);
  const drifted = markDrift(driver.diff(after, observed), { entry, after, driver, observed, lifecycle });
  const changes = drifted.map((change) => (isOwn(change) ? withoutMark(change) : change));
  if (changes.length === 0) {
    const reason = "already as desired; awg manages it from now on";
    return entry === undefined ? { action: "adopt", before: after, after, changes, reason } : undefined;
  }
  const before = spec ?? entry?.spec ?? null;
  const action = before === null ? "create" : driver.needsReplace?.(changes) === true ? "replace" : "update";
  const reason = driver.reason?.(changes) ?? reasonOf();
  return { action, before, after, changes, reason };

  function reasonOf(): string {
    const isAccepted = entry !== undefined && sameData(entry.spec, after);
    if ((isRemoved || isAccepted) && changes.every(isOwn)) return OWN_CHANGE;
    if (isRemoved) return "was removed outside awg";
    if (isAccepted) return "was changed outside awg";
    if (before === null) return "will be created";
    if (entry !== undefined) return "config changed";
    if (!isSetting(driver)) return "differs from the config";
    return driver.kind === "sysctl" ? "needed by awg's routes" : "the config asks for it";
  }
}

function withoutMark({ drift: _, ...change }: FieldChange): FieldChange {
  return change;
}

/**
 * Removes what a moving key leaves in its old place. If another desired resource takes that place, it converts what
 * exists there: a removal would run after it.
 */
function removalOfMovedKey(current: CurrentResource, { places }: PlanOptions): readonly Change[] {
  const { kind, key, driver, inOldPlace } = current;
  if (inOldPlace === undefined || !driver.isOwned(inOldPlace)) return [];
  const before = driver.asSpec(inOldPlace);
  if (before === undefined || places.has(placeOf(kind, before))) return [];
  return [{ kind, key, action: "delete", before, after: null, changes: [], reason: "moved to another place" }];
}

function conflict({ key }: Resource, holder: string): Verdict {
  return { kind: "conflict", conflict: { key, holder } };
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
