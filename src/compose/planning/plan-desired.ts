import { AwgError } from "../../model/error.ts";
import type { Plan } from "../../model/plan.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import { planChanges } from "../../reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { SessionNote } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import { refuseUnprotecting } from "./protection.ts";

/**
 * The way from the machine as it stands now to a desired state. AwgError conflict names who holds a place it needs;
 * AwgError config where it would destroy what is protected.
 */
export async function planDesired(
  { host, stores }: SessionParts,
  desired: DesiredState,
  replace: ReadonlySet<ResourceKey> = new Set(),
): Promise<{ readonly plan: Plan; readonly notes: readonly SessionNote[] }> {
  const ledger = await stores.ledger.read();
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const { plan, conflicts, notes } = planChanges({ desired, observed, ledger, registry: driverRegistry, replace });
  if (conflicts.length > 0) {
    const held = conflicts.map(({ key, holder }) => `${key} is held by ${holder}`);
    throw new AwgError("conflict", held.join("; "), {
      facts: { conflicts: held },
      remedy: "remove it, or name another interface or table in the config; nothing was changed",
    });
  }
  const accepted = await stores.generations.latest();
  refuseUnprotecting(plan, [desired.lifecycle, accepted?.desired.lifecycle]);
  return { plan, notes: notes.map(({ key, message }) => ({ path: key, message })) };
}
