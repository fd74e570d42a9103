import type { Spec } from "../../model/resource.ts";
import { type PlanOptions, type Verdict, verdictOf } from "./change.ts";
import { type CurrentResource, isOurs } from "./current-resource.ts";
import { effectiveSpec, isPolicy, isSetting } from "./observation.ts";
import { placeOf } from "./place.ts";

/**
 * Decides what to do about a key that is no longer desired. Pure.
 *
 * @param vacated places that moving keys leave, and that are cleared with them
 */
export function judgeUnwanted(
  current: CurrentResource,
  vacated: ReadonlySet<string>,
  { lifecycle, places }: PlanOptions,
): Verdict {
  const { kind, key, driver, observed, spec, entry } = current;
  if (lifecycle?.retain.includes(key) === true) return forget("retained: it stays, and awg stops managing it");

  const ours = observed !== undefined && isOurs(driver, observed) ? observed : undefined;
  if (ours !== undefined && spec === undefined && isPolicy(driver))
    // What is left of a damaged policy has no form as a spec, but must go.
    return remove(entry?.spec ?? null, null, "damaged; will be removed");

  const place = spec === undefined ? "" : placeOf(kind, spec);
  // A driver may give a key of its own to what a moving key leaves behind; it is removed once.
  if (entry === undefined && vacated.has(place)) return verdictOf([]);
  if (places.has(place)) return forget("another resource uses its place");

  const after = effectiveSpec(driver, null, entry?.original ?? null);
  const isDone = isSetting(driver) && ours !== undefined && (after === null || driver.diff(after, ours).length === 0);
  if (ours === undefined || spec === undefined || isDone) return forget("is gone already or no longer ours");
  return remove(spec, after, after === null ? removalReason(driver.kind) : "the original will be put back");

  function remove(before: Spec | null, target: Spec | null, reason: string): Verdict {
    return verdictOf([{ kind, key, action: "delete", before, after: target, changes: [], reason }]);
  }

  /** Without a ledger entry there is nothing to forget. */
  function forget(reason: string): Verdict {
    if (entry === undefined) return verdictOf([]);
    return verdictOf([{ kind, key, action: "forget", before: entry.spec, after: null, changes: [], reason }]);
  }
}

function removalReason(kind: string): string {
  return kind === "resolver" ? "will be removed; the host's own servers return" : "will be removed";
}
