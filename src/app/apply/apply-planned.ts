import { AwgError, messageOf } from "../../model/error.ts";
import { isClaim, isInSync, type Plan, stepsOf } from "../../model/plan.ts";
import { executePlan } from "../../reconciler/apply/execute.ts";
import type { ApplyDeps } from "../../reconciler/apply/outcome.ts";
import { readOpenTransaction } from "../../reconciler/apply/record.ts";
import { recoverTowards, wouldOpenMachine } from "../../reconciler/apply/recover.ts";
import type { Generation } from "../../reconciler/apply/stores.ts";
import { rememberNumbers } from "../../resources/expand.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import { tunnelsToStart } from "../plan/inotify-limit.ts";
import { planDesired } from "../plan/plan-desired.ts";
import type { Planned } from "../plan/planned.ts";
import type { Applied, ApplyHooks } from "./applied.ts";
import { confirmationOf } from "./confirmation.ts";
import { devicesNamed, removeDeadEngines } from "./dead-engines.ts";
import { throwFailure } from "./failure.ts";
import { forgetReplaced, resolverLeft } from "./kept-resolver.ts";
import { probing } from "./probe-runner.ts";

/** A plan and the lock that it was made under, if any; releasing the lock twice does nothing. */
export interface PlannedUnderLock {
  readonly planned: Planned;
  readonly lock?: AsyncDisposable;
}

/**
 * Makes a plan that nobody is asked about under the lock, so that it need not be made a second time. Where a transaction is
 * open it is made without: what it ends in is known only when it was recovered, and a refused plan recovers nothing.
 */
export async function planUnderLock(parts: HostParts, makePlan: () => Promise<Planned>): Promise<PlannedUnderLock> {
  parts.requireRights?.();
  const lock = releasedOnce(await parts.lock("apply"));
  try {
    const isOpen = (await readOpenTransaction(parts.stores.journal)) !== undefined;
    if (!isOpen) return { planned: await makePlan(), lock };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  await lock[Symbol.asyncDispose]();
  return { planned: await makePlan() };
}

function releasedOnce(lock: AsyncDisposable): AsyncDisposable {
  let isReleased = false;
  return {
    async [Symbol.asyncDispose]() {
      if (isReleased) return;
      isReleased = true;
      await lock[Symbol.asyncDispose]();
    },
  };
}

/**
 * Takes the lock unless it is held, recovers an open journal and carries the plan out; `remember` is called once the new
 * state stands and is accepted. AwgError when it did not succeed.
 */
export async function applyPlanned(
  parts: HostParts,
  { planned, lock }: PlannedUnderLock,
  hooks: ApplyHooks,
  remember: () => void,
): Promise<Applied> {
  await parts.expectEngines?.(tunnelsToStart(planned.plan));
  await using _held = lock ?? (await parts.lock(planned.verb));
  const deps = { ...applyDepsOf(parts), progress: hooks.onEvent, shouldStop: hooks.shouldStop };
  const named = await devicesNamed(parts.stores, planned.verb, planned.desired.lifecycle?.retain);
  if (lock === undefined) await refuseOpening(deps, planned);
  const towards = { ...planned, isRepair: planned.repairs !== undefined };
  const recovered = lock === undefined ? await recoverTowards(deps, towards) : undefined;
  if (recovered?.kind === "rollbackIncomplete") throwFailure(recovered, planned.verb);
  const accepted = await parts.stores.generations.latest();
  await refuseOvertaken(parts, planned, accepted);
  const isFresh = lock !== undefined || (recovered === undefined && (await isFreshRepair(parts, planned)));
  const { plan, held } = isFresh ? planned : await planAgain(parts, planned, accepted);
  const { verb, desired, configHash } = planned;
  // Tunnels may have come since the plan was made: their tables are not to change hands either.
  const pathNumbers = rememberNumbers(accepted?.pathNumbers ?? {}, planned.pathNumbers);
  await refuseObstacles(parts, plan);
  const standing = isInSync(plan) ? ((await parts.stores.generations.latest())?.number ?? 0) : undefined;
  const confirmation = confirmationOf(parts, hooks.confirmWithinMs);
  const probe = await probing(parts, desired.probes ?? [], plan, hooks.onEvent);
  const outcome = await executePlan(
    { ...deps, ...confirmation, ...probe },
    { verb, desired, configHash, pathNumbers, ...(held === undefined ? {} : { leave: new Set(held.keys()) }) },
    plan,
    recovered?.kind === "held" ? recovered.firstIndex : 0,
  );
  if (outcome.kind === "applied") remember();
  if (outcome.kind === "applied" || (outcome.kind === "inSync" && verb === "destroy"))
    await removeDeadEngines(parts.host, named, desired, plan);
  if (outcome.kind === "applied") await forgetReplaced(parts.host.resolver, plan);
  const stands = outcome.kind === "applied" || outcome.kind === "inSync";
  const kept = stands ? await resolverLeft(parts.host.resolver, desired, plan) : undefined;
  await parts.close();
  if (outcome.kind === "unconfirmed") {
    const unconfirmed = { ...outcome, isWatched: parts.watchdog !== undefined };
    return { generation: outcome.proposed.number, changed: true, unconfirmed };
  }
  if (confirmation !== undefined || recovered !== undefined) await parts.watchdog?.disarm();
  if (outcome.kind === "rolledBack" || outcome.kind === "rollbackIncomplete") return throwFailure(outcome, verb);
  const changed = outcome.kind === "applied" || recovered !== undefined;
  const isRestored = outcome.kind === "inSync" && outcome.isRestored === true;
  const isRecorded = isRestored || (!changed && standing !== undefined && outcome.generation !== standing);
  const unaccepted = outcome.unaccepted === undefined ? {} : { unaccepted: messageOf(outcome.unaccepted) };
  const left = kept === undefined ? {} : { kept };
  return { generation: outcome.generation, changed, ...(isRecorded ? { recorded: true } : {}), ...unaccepted, ...left };
}

/** AwgError stale-plan for a repair of what no longer holds: it would undo what another awg was just asked for. */
async function refuseOvertaken(
  parts: HostParts,
  { repairs }: Planned,
  accepted: Generation | undefined,
): Promise<void> {
  const holds = accepted?.number ?? 0;
  if (repairs === undefined || repairs === holds) return;
  await parts.close();
  throw new AwgError("stale-plan", `generation ${holds} was accepted since this repair of ${repairs} was planned`, {
    remedy: "look again; nothing was changed",
  });
}

/**
 * AwgError journal for a daemon's repair towards nothing where a first apply was cut short: it would open, with nobody asking
 * for it, what that apply's packet filter closed.
 */
async function refuseOpening(deps: ApplyDeps, { repairs }: Planned): Promise<void> {
  if (repairs !== 0 || !(await wouldOpenMachine(deps))) return;
  const { location } = deps.stores.journal;
  throw new AwgError(
    "journal",
    "a first apply was cut short; its packet filter stays until somebody says what is to be",
    {
      facts: { journal: location },
      remedy: "apply again, or put the machine back as it was with awg revert",
    },
  );
}

/** AwgError conflict for what a later batch would be refused for, before the first one is written. */
async function refuseObstacles({ host }: HostParts, plan: Plan): Promise<void> {
  for (const step of stepsOf(plan)) {
    if (step.kind !== "resolver" || step.after === null || isClaim(step)) continue;
    const obstacle = host.resolver.obstacle?.(step.after);
    if (obstacle !== undefined) {
      const { what, remedy } = obstacle;
      throw new AwgError("conflict", `${what}; nothing was changed`, { remedy });
    }
  }
}

/**
 * Whether a daemon's repair is what another look would plan again: it was made a moment ago, and no other awg has written
 * since. What others change in that moment they could as well change behind the look; the read-back finds it.
 */
async function isFreshRepair({ stores }: HostParts, { repairs, ledger }: Planned): Promise<boolean> {
  return repairs !== undefined && ledger === (await stores.ledger.read());
}

/** What stands on the machine may have changed since the plan was shown; the lock makes this reading the one that counts. */
async function planAgain(
  parts: HostParts,
  { desired, replace, repairs }: Planned,
  accepted: Generation | undefined,
): Promise<Pick<Planned, "plan" | "held">> {
  return planDesired(parts, desired, accepted, {
    ...(replace === undefined ? {} : { replace }),
    isRepair: repairs !== undefined,
  });
}
