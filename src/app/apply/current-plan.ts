import { AwgError } from "../../model/error.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { ApplyDeps } from "../../reconciler/apply/outcome.ts";
import { recoverTowards, wouldOpenMachine } from "../../reconciler/apply/recover.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { HostParts } from "../parts.ts";
import { planDesired } from "../plan/plan-desired.ts";
import type { Planned } from "../plan/planned.ts";
import { throwFailure } from "./failure.ts";

/** A plan that is valid now, under the lock. */
export interface CurrentPlan extends Pick<Planned, "plan" | "held"> {
  /** The generation accepted so far; undefined before the first. */
  readonly accepted: Generation | undefined;
  /** Whether an open transaction was recovered first. */
  readonly isRecovered: boolean;
  /** Index in the journal of the plan's first batch: after those of a transaction that is continued. */
  readonly firstIndex: number;
}

/** The plan as made under the same lock: nothing can have changed since. */
export async function planMadeUnderLock(parts: HostParts, planned: Planned): Promise<CurrentPlan> {
  const accepted = await parts.stores.generations.latest();
  await refuseOvertaken(parts, planned, accepted);
  return { plan: planned.plan, ...heldOf(planned), accepted, isRecovered: false, firstIndex: 0 };
}

/**
 * Brings a plan made before the lock up to date: recovers an open transaction, and plans again unless it is a repair that is
 * still fresh.
 */
export async function planBroughtUpToDate(parts: HostParts, deps: ApplyDeps, planned: Planned): Promise<CurrentPlan> {
  await refuseOpening(deps, planned);
  const isRepair = planned.repairs !== undefined;
  const recovered = await recoverTowards(deps, { ...planned, isRepair });
  if (recovered?.kind === "rollbackIncomplete") throwFailure(recovered, planned.verb);
  const accepted = await parts.stores.generations.latest();
  await refuseOvertaken(parts, planned, accepted);
  const isRecovered = recovered !== undefined;
  const isFresh = !isRecovered && (await isFreshRepair(parts, planned));
  const { plan, held } = isFresh ? planned : await planAgain(parts, planned, accepted);
  const firstIndex = recovered?.kind === "held" ? recovered.firstIndex : 0;
  return { plan, ...heldOf({ held }), accepted, isRecovered, firstIndex };
}

/** @throws AwgError("conflict") before the first write, if a later step of the plan would be refused. */
export function refuseObstacles({ host }: HostParts, plan: Plan): void {
  for (const step of stepsOf(plan)) {
    if (step.kind !== "resolver" || step.after === null || isClaim(step)) continue;
    const obstacle = host.resolver.obstacle?.(step.after);
    if (obstacle !== undefined) {
      const { what, remedy } = obstacle;
      throw new AwgError("conflict", `${what}; nothing was changed`, { remedy });
    }
  }
}

function heldOf({ held }: { readonly held?: Planned["held"] | undefined }): Pick<Planned, "held"> {
  return held === undefined ? {} : { held };
}

/** @throws AwgError("stale-plan") for a repair of a generation that another awg has replaced. */
async function refuseOvertaken(
  parts: HostParts,
  { repairs }: Planned,
  accepted: Generation | undefined,
): Promise<void> {
  const number = accepted?.number ?? 0;
  if (repairs === undefined || repairs === number) return;
  await parts.close();
  throw new AwgError("stale-plan", `generation ${number} was accepted since this repair of ${repairs} was planned`, {
    remedy: "plan again; nothing was changed",
  });
}

/** @throws AwgError("journal") for a daemon's repair that would open a host after an interrupted first apply. */
async function refuseOpening(deps: ApplyDeps, { repairs }: Planned): Promise<void> {
  if (repairs !== 0 || !(await wouldOpenMachine(deps))) return;
  const { location } = deps.stores.journal;
  throw new AwgError("journal", "a first apply was interrupted; its packet filter stays until you apply or revert", {
    facts: { journal: location },
    remedy: "apply again, or put the host back as it was with awg revert",
  });
}

/** Whether a daemon's repair was planned a moment ago and no other awg has written since; the read-back finds the rest. */
async function isFreshRepair({ stores }: HostParts, { repairs, ledger }: Planned): Promise<boolean> {
  return repairs !== undefined && ledger === (await stores.ledger.read());
}

/** The host may have changed since the plan was shown; what is read under the lock counts. */
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
