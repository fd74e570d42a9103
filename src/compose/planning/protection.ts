import { AwgError } from "../../model/error.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import type { Lifecycle } from "../../model/spec/lifecycle.ts";

/**
 * Refuses a plan that destroys or replaces what `lifecycle.protect` names, in the config or in the accepted state: to
 * lift a protection takes an apply of its own. AwgError config; nothing was changed.
 */
export function refuseUnprotecting(plan: Plan, lifecycles: readonly (Lifecycle | undefined)[]): void {
  const guarded = new Set(lifecycles.flatMap((lifecycle) => lifecycle?.protect ?? []));
  if (guarded.size === 0) return;
  const lost = stepsOf(plan).filter(
    ({ key, action, before }) => guarded.has(key) && before !== null && (action === "delete" || action === "replace"),
  );
  const keys = [...new Set(lost.map(({ key }) => key))];
  if (keys.length === 0) return;
  throw new AwgError("config", `${keys.join(", ")} must not be destroyed or replaced: lifecycle.protect names it`, {
    facts: { protected: keys },
    remedy: "take it out of lifecycle.protect and apply that first; nothing was changed",
  });
}
