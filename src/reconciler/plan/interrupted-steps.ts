import type { Step } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";

/** Steps of an unfinished change by awg that were started and not undone, by key. */
export type InterruptedSteps = ReadonlyMap<ResourceKey, readonly Step[]>;

/** Whether the change may have removed a resource. An update never does, nor does its inverse. Pure. */
export function mayHaveTaken(interrupted: InterruptedSteps, key: ResourceKey): boolean {
  return interrupted.get(key)?.some(({ action }) => action !== "update") === true;
}

/** Whether the change may have set a field. A load changes no rule before it changes all: awg causes no damage to them. Pure. */
export function mayHaveSet(interrupted: InterruptedSteps, key: ResourceKey, field: string): boolean {
  if (field === "/damage") return false;
  return interrupted.get(key)?.some((step) => touches(step, field)) === true;
}

/** An intermediate step names no fields and may touch all. No spec holds `/held` (that a keeper holds the resource). */
function touches({ action, changes }: Step, field: string): boolean {
  if (action !== "update" || changes.length === 0 || field === "/held") return true;
  return changes.some((change) => isWithin(change.field, field) || isWithin(field, change.field));
}

/** All peers count as one field: their numbers differ between specs. */
function isWithin(field: string, other: string): boolean {
  const [inner, outer] = [field, other].map((one) => one.replace(/^\/peers\/.*/, "/peers"));
  return inner === outer || inner?.startsWith(`${outer}/`) === true;
}
