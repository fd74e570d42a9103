import { AwgError } from "../../model/error.ts";
import { type Plan, type Step, stepsOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { type Lifecycle, movedKey } from "../../model/resources/lifecycle.ts";
import { placeOf } from "../../reconciler/plan/place.ts";

/**
 * Refuses a plan that destroys or replaces a resource in `lifecycle.protect`, of the new state or of the accepted one.
 * It also refuses to move such a resource to an unprotected name: to lift protection takes an apply of its own.
 *
 * @throws AwgError config; nothing was changed
 */
export function refuseUnprotecting(plan: Plan, desired: DesiredState, accepted: Lifecycle | undefined): void {
  const wanted = desired.lifecycle?.protect ?? [];
  const moves = desired.lifecycle?.moved ?? [];
  /** By the name that it has now, the one that it was protected by. */
  const guarded = new Map([...(accepted?.protect ?? []), ...wanted].map((key) => [movedKey(key, moves), key]));
  for (const key of accepted?.protect ?? []) guarded.set(key, key);
  if (guarded.size === 0) return;
  const lost = stepsOf(plan).filter((step) => guarded.has(step.key) && isLost(step, desired, new Set(wanted)));
  const keys = [...new Set(lost.map(({ key }) => guarded.get(key) ?? key))];
  if (keys.length === 0) return;
  const taken = lost.some(({ action }) => action === "forget") ? ", nor given to a name without protection" : "";
  throw new AwgError(
    "config",
    `${keys.join(", ")} must not be destroyed or replaced${taken}: lifecycle.protect names it`,
    {
      facts: { protected: keys },
      remedy: "take it out of lifecycle.protect and apply that first; nothing was changed",
    },
  );
}

function isLost({ kind, key, action, before }: Step, { resources }: DesiredState, wanted: ReadonlySet<ResourceKey>) {
  if (before === null) return false;
  if (action !== "forget") return action === "delete" || action === "replace";
  const place = placeOf(kind, before);
  const heir = resources.find((one) => one.kind === kind && one.key !== key && placeOf(kind, one.spec) === place);
  return heir !== undefined && !wanted.has(heir.key);
}
