import { AwgError, messageOf } from "../../model/error.ts";
import { stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resource.ts";
import type { Ledger } from "../plan/ledger.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { observeMachine } from "./observe.ts";
import type { ApplyDeps } from "./outcome.ts";

/** Waits before each reading: a machine that settles gets about three seconds, one that is right gets none. */
export const SETTLE_WAITS_MS: readonly number[] = [0, 100, 300, 800, 1_600];

/**
 * Reads the machine back until a plan from it is empty (law 5), then runs the probes that count. AwgError verification,
 * naming what still differs, when it is not so after the last wait.
 */
export async function verifyDesired(deps: ApplyDeps, desired: DesiredState, ledger: Ledger): Promise<void> {
  let differing: readonly string[] = [];
  let cause: unknown;
  for (const [attempt, waitMs] of SETTLE_WAITS_MS.entries()) {
    if (waitMs > 0) await deps.clock.sleep(waitMs);
    try {
      differing = await differences(deps, desired, ledger);
      cause = undefined;
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

async function differences(deps: ApplyDeps, desired: DesiredState, ledger: Ledger): Promise<readonly string[]> {
  const { host, registry } = deps;
  const observed = await observeMachine(host, registry, desired, ledger);
  const { plan, conflicts } = planChanges({ desired, observed, ledger, registry });
  return [
    ...stepsOf(plan).map(({ key, action, changes }) => {
      const fields = changes.map(({ field }) => field);
      return fields.length === 0 ? `${key} (${action})` : `${key} (${fields.slice(0, 5).join(", ")})`;
    }),
    ...conflicts.map(({ key, holder }) => `${key} (held by ${holder})`),
  ];
}

async function runProbe(deps: ApplyDeps): Promise<void> {
  const failure = await deps.probe?.();
  if (failure !== undefined) throw new AwgError("verification", failure, { remedy: "mend what it asks, or the probe" });
}
