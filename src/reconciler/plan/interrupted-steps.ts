import type { Step } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";

/** The steps by which a change of awg's that has not ended began to change resources and that it did not undo, by key. */
export type Begun = ReadonlyMap<ResourceKey, readonly Step[]>;

/** Whether such a change may have taken a resource away: one that only updates it does not, nor does its way back. Pure. */
export function mayHaveTaken(begun: Begun, key: ResourceKey): boolean {
  return begun.get(key)?.some(({ action }) => action !== "update") === true;
}

/**
 * Whether such a change may have made a field of a resource what it is. A packet filter is loaded in one transaction, which leaves
 * it whole: damage is never its doing. Pure.
 */
export function mayHaveSet(begun: Begun, key: ResourceKey, field: string): boolean {
  if (field === "/damage") return false;
  return begun.get(key)?.some((step) => touches(step, field)) === true;
}

/** A step on the way to another, which names no fields, may touch each of them; to be held by a keeper is in no spec. */
function touches({ action, changes }: Step, field: string): boolean {
  if (action !== "update" || changes.length === 0 || field === "/held") return true;
  return changes.some((change) => isWithin(change.field, field) || isWithin(field, change.field));
}

/** Peers are numbered within their own spec, so that they count as one field. */
function isWithin(field: string, other: string): boolean {
  const [inner, outer] = [field, other].map((one) => one.replace(/^\/peers\/.*/, "/peers"));
  return inner === outer || inner?.startsWith(`${outer}/`) === true;
}
