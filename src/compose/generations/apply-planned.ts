import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { TunnelSpec } from "../../model/spec/tunnel.ts";
import { executePlan } from "../../reconciler/apply/execute.ts";
import { recoverOpenJournal } from "../../reconciler/apply/recover.ts";
import { planDesired } from "../planning/plan-desired.ts";
import { probing } from "../probes/probing.ts";
import type { Applied, ApplyHooks, Planned } from "../session.ts";
import { applyDepsOf, type SessionParts } from "../session-parts.ts";
import { confirmationOf } from "./confirmation.ts";
import { throwFailure } from "./failure.ts";

/**
 * Takes the lock, recovers an open journal and carries the plan out; `remember` is called once the new state stands and
 * is accepted. AwgError when it did not succeed.
 */
export async function applyPlanned(
  parts: SessionParts,
  planned: Planned,
  hooks: ApplyHooks,
  remember: () => void,
): Promise<Applied> {
  await parts.expectEngines?.(tunnelsToStart(planned.plan));
  await using _held = await parts.lock(planned.verb);
  const deps = { ...applyDepsOf(parts), progress: hooks.onEvent, shouldStop: hooks.shouldStop };
  const recovered = await recoverOpenJournal(deps, planned.verb);
  if (recovered?.kind === "rollbackIncomplete") throwFailure(recovered);
  // What stands on the machine may have changed since the plan was shown; the lock makes this reading the one that counts.
  const accepted = await parts.stores.generations.latest();
  const { plan } = await planDesired(parts, planned.desired, accepted, planned.replace);
  const { verb, desired, configHash, pathNumbers } = planned;
  const confirmation = confirmationOf(parts, hooks.confirmWithinMs);
  const probe = await probing(parts, desired.probes ?? [], plan, hooks.onEvent);
  const outcome = await executePlan(
    { ...deps, ...confirmation, ...probe },
    { verb, desired, configHash, pathNumbers },
    plan,
  );
  if (outcome.kind === "applied") remember();
  await parts.close();
  if (outcome.kind === "unconfirmed") {
    const unconfirmed = { ...outcome, isWatched: parts.watchdog !== undefined };
    return { generation: outcome.proposed.number, changed: true, unconfirmed };
  }
  if (confirmation !== undefined || recovered !== undefined) await parts.watchdog?.disarm();
  if (outcome.kind === "rolledBack" || outcome.kind === "rollbackIncomplete") return throwFailure(outcome);
  return { generation: outcome.generation, changed: outcome.kind === "applied" || recovered !== undefined };
}

/** Those whose engine does not run yet. */
function tunnelsToStart(plan: Plan): readonly TunnelSpec[] {
  return stepsOf(plan).flatMap((step) =>
    step.kind === "tunnel" && step.action === "create" && step.after !== null && !isClaim(step) ? [step.after] : [],
  );
}
