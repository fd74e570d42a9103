import { AwgError, messageOf } from "../../model/error.ts";
import { type Step, stepsOf } from "../../model/plan.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import type { Ledger } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import { type PlanResult, planChanges } from "../plan/plan-changes.ts";
import { observeMachine } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";
import { performSteps } from "./run-batches.ts";

/** Waits before each reading: a machine that settles gets about three seconds, one that is right gets none. */
export const SETTLE_WAITS_MS: readonly number[] = [0, 100, 300, 800, 1_600];

/**
 * Reads the machine back until a plan from it is empty (law 5), then runs the probes that count. What the other end moved
 * back meanwhile is told again: a server's packets from where it was bring its peer back there, and the policy stops those
 * only once it is loaded. What somebody stopped meanwhile, or hangs, is begun anew: it is no reason to undo the rest. AwgError verification, naming what still differs, when it is not so after the last wait.
 *
 * @param leave what may stand as it likes, for somebody else has what it needs
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
      differing = [...stepsOf(plan).map(nameOf), ...conflicts.map(({ key, holder }) => `${key} (held by ${holder})`)];
      cause = undefined;
      for (const step of stepsOf(plan)) if (isMended(deps, step)) await performSteps(deps, [step]);
    } catch (error) {
      cause = error;
      differing = [messageOf(error)];
    }
    deps.progress?.({ type: "verify", attempt: attempt + 1, differing });
    if (differing.length === 0) return await runProbe(deps);
  }
  throw new AwgError("verification", `after the change the machine still differs: ${differing.join("; ")}`, {
    facts: { differing },
    ...(cause === undefined ? {} : { cause }),
    remedy: "see which program changes it, or report it",
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

/** Whether telling it again is all that it needs. */
function isMended({ registry }: ApplyDeps, { kind, action, changes }: Step): boolean {
  const { roams, isSilent } = driverOf(registry, kind);
  return action === "update" && changes.length > 0 && (roams?.(changes) === true || isSilent?.(changes) === true);
}

async function runProbe(deps: ApplyDeps): Promise<void> {
  const failure = await deps.probe?.();
  if (failure !== undefined) throw new AwgError("verification", failure, { remedy: "mend what it asks, or the probe" });
}
