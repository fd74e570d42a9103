import { messageOf } from "../../model/error.ts";
import { isInSync } from "../../model/plan.ts";
import { executePlan } from "../../reconciler/apply/execute.ts";
import type { ApplyDeps, Outcome } from "../../reconciler/apply/outcome.ts";
import { rememberNumbers } from "../../resources/expand.ts";
import { type AuditOutcome, audited } from "../audit/audited.ts";
import { settleWatchdog, watchOverride } from "../down/override.ts";
import { keepFetchedLists } from "../lists/kept-lists.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import { tunnelsToStart } from "../plan/inotify-limit.ts";
import type { Planned } from "../plan/planned.ts";
import type { Applied, ApplyHooks } from "./applied.ts";
import { confirmationOf } from "./confirmation.ts";
import { type CurrentPlan, planBroughtUpToDate, planMadeUnderLock, refuseObstacles } from "./current-plan.ts";
import { devicesNamed, removeDeadEngines } from "./dead-engines.ts";
import { throwFailure } from "./failure.ts";
import { forgetReplaced, resolverLeft } from "./kept-resolver.ts";
import type { PlannedUnderLock } from "./plan-under-lock.ts";
import { createProbeRunner } from "./probe-runner.ts";

/**
 * Executes a plan under the lock, which it takes unless the plan was made under it. An open journal is recovered first.
 * `remember` is called once the new state is accepted.
 *
 * @throws AwgError if the plan is stale, refused, or was rolled back.
 */
export function applyPlanned(
  parts: HostParts,
  plan: PlannedUnderLock,
  hooks: ApplyHooks,
  remember: () => void,
): Promise<Applied> {
  const { verb, configHash, repairs } = plan.planned;
  const request = hooks.request ?? (repairs === undefined ? verb : "repair");
  const act = () => carryOut(parts, plan, hooks, remember);
  return audited(parts, { request, configHash: configHash || null }, act, auditedOutcome);
}

function auditedOutcome({ generation, changed, recorded, unconfirmed }: Applied): AuditOutcome {
  if (unconfirmed !== undefined) return { result: "on-trial", generation };
  if (!changed && recorded !== true) return undefined;
  return { result: changed ? "applied" : "unchanged", generation };
}

async function carryOut(
  parts: HostParts,
  { planned, lock }: PlannedUnderLock,
  hooks: ApplyHooks,
  remember: () => void,
): Promise<Applied> {
  await parts.expectEngines?.(tunnelsToStart(planned.plan));
  await using _lock = lock ?? (await parts.lock(planned.verb));
  const deps = { ...applyDepsOf(parts), progress: hooks.onEvent, shouldStop: hooks.shouldStop };
  const devices = await devicesNamed(parts.stores, planned.verb, planned.desired.lifecycle?.retain);
  const current = await (lock === undefined
    ? planBroughtUpToDate(parts, deps, planned)
    : planMadeUnderLock(parts, planned));
  refuseObstacles(parts, current.plan);
  const { override } = planned.desired;
  if (override !== undefined) await watchOverride(parts, override);
  const outcome = await execute(parts, deps, planned, current, hooks);
  if (outcome.kind === "applied") {
    remember();
    keepFetchedLists();
  }
  const kept = await cleanUp(parts, devices, planned, current, outcome);
  await parts.close();
  const isArmed =
    hooks.confirmWithinMs !== undefined ||
    current.isRecovered ||
    (override ?? current.accepted?.desired.override) !== undefined;
  if (outcome.kind !== "unconfirmed" && isArmed) await settleWatchdog(parts);
  return { ...resultOf(parts, planned, current, outcome), ...(kept === undefined ? {} : { kept }) };
}

async function execute(
  parts: HostParts,
  deps: ApplyDeps,
  { verb, desired, configHash, pathNumbers }: Planned,
  { plan, held, accepted, firstIndex }: CurrentPlan,
  { confirmWithinMs, onEvent }: ApplyHooks,
): Promise<Outcome> {
  const confirmation = confirmationOf(parts, confirmWithinMs);
  const probe = await createProbeRunner(parts, desired.probes ?? [], plan, onEvent);
  const target = {
    verb,
    desired,
    configHash,
    // Another awg may have added tunnels since the plan was made: their tables keep their numbers.
    pathNumbers: rememberNumbers(accepted?.pathNumbers ?? {}, pathNumbers),
    ...(held === undefined ? {} : { leave: new Set(held.keys()) }),
  };
  return executePlan({ ...deps, ...confirmation, ...probe }, target, plan, firstIndex);
}

/** Removes engines and records that the new state does not need; gives what of the resolver had to be kept. */
async function cleanUp(
  { host }: HostParts,
  devices: Awaited<ReturnType<typeof devicesNamed>>,
  { verb, desired }: Planned,
  { plan }: CurrentPlan,
  { kind }: Outcome,
): Promise<string | undefined> {
  if (kind !== "applied" && kind !== "inSync") return undefined;
  if (kind === "applied" || verb === "destroy") await removeDeadEngines(host, devices, desired, plan);
  if (kind === "applied") await forgetReplaced(host.resolver, plan);
  return resolverLeft(host.resolver, desired, plan);
}

function resultOf(parts: HostParts, { verb }: Planned, current: CurrentPlan, outcome: Outcome): Applied {
  switch (outcome.kind) {
    case "rolledBack":
    case "rollbackIncomplete":
      return throwFailure(outcome, verb);
    case "unconfirmed": {
      const unconfirmed = { ...outcome, isWatched: parts.watchdog !== undefined };
      return { generation: outcome.proposed.number, changed: true, unconfirmed };
    }
    case "applied":
    case "inSync": {
      const { generation } = outcome;
      const changed = outcome.kind === "applied" || current.isRecovered;
      const isNew = isInSync(current.plan) && generation !== (current.accepted?.number ?? 0);
      const isRestored = outcome.kind === "inSync" && outcome.isRestored === true;
      return {
        generation,
        changed,
        ...(isRestored || (!changed && isNew) ? { recorded: true as const } : {}),
        ...(outcome.unaccepted === undefined ? {} : { unaccepted: messageOf(outcome.unaccepted) }),
      };
    }
  }
}
