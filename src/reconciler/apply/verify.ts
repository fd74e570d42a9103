import { AwgError, messageOf } from "../../model/error.ts";
import { type Step, stepsOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Ledger } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import { type PlanResult, planChanges } from "../plan/plan-changes.ts";
import { observeMachine } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";
import { performSteps } from "./run-batches.ts";

/** Waits before each reading: a host that settles gets about three seconds, one that is in sync none. */
export const SETTLE_WAITS_MS: readonly number[] = [0, 100, 300, 800, 1_600];

/**
 * Reads the host back until the plan is empty (law 5), then runs the required probes.
 * - A peer's endpoint that a server's packets moved back is set again: the policy blocks those packets only once it is
 * loaded.
 * - An engine that was stopped or hangs meanwhile is restarted: that is no reason to undo the rest.
 * AwgError verification, naming the differences, if they remain after the last wait.
 *
 * @param leave keys that are not checked, because another program uses what they need
 */
export async function verifyDesired(
  deps: ApplyDeps,
  desired: DesiredState,
  ledger: Ledger,
  leave: ReadonlySet<ResourceKey> = new Set(),
): Promise<void> {
  let differing: readonly string[] = [];
  let cause: unknown;
  for (const [attempt, waitMs] of SETTLE_WAITS_MS.entries()) {
    if (waitMs > 0) await deps.clock.sleep(waitMs);
    try {
      const { plan, conflicts } = await planFromMachine(deps, desired, ledger, leave);
      differing = [...stepsOf(plan).map(nameOf), ...conflicts.map(({ key, holder }) => `${key} (in use by ${holder})`)];
      cause = undefined;
      for (const step of stepsOf(plan)) if (isMended(deps, step)) await performSteps(deps, [step]);
    } catch (error) {
      cause = error;
      differing = [messageOf(error)];
    }
    deps.progress?.({ type: "verify", attempt: attempt + 1, differing });
    if (differing.length === 0) return await runProbe(deps);
  }
  throw new AwgError("verification", `after the change these still differ: ${differing.join("; ")}`, {
    facts: { differing },
    ...(cause === undefined ? {} : { cause }),
    remedy: "find the program that changes them, or report this",
  });
}

async function planFromMachine(
  { host, registry }: ApplyDeps,
  desired: DesiredState,
  ledger: Ledger,
  leave: ReadonlySet<ResourceKey>,
): Promise<PlanResult> {
  const observed = await observeMachine(host, registry, desired, ledger);
  return planChanges({ desired, observed, ledger, registry, leave });
}

function nameOf({ key, action, changes }: Step): string {
  const fields = changes.map(({ field }) => field);
  return fields.length === 0 ? `${key} (${action})` : `${key} (${fields.slice(0, 5).join(", ")})`;
}

/** Whether writing it again is enough. */
function isMended({ registry }: ApplyDeps, { kind, action, changes }: Step): boolean {
  const { roams, isSilent } = driverOf(registry, kind);
  return action === "update" && changes.length > 0 && (roams?.(changes) === true || isSilent?.(changes) === true);
}

async function runProbe(deps: ApplyDeps): Promise<void> {
  const failure = await deps.probe?.();
  if (failure !== undefined)
    throw new AwgError("verification", failure, { remedy: "fix what the probe checks, or the probe itself" });
}
