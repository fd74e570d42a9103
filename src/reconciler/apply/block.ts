import type { Step } from "../../model/plan.ts";
import { driverOf } from "../plan/observation.ts";
import type { ApplyDeps } from "./outcome.ts";
import type { JournalledBatch } from "./record.ts";
import { type Touched, touchedPlaces } from "./restored.ts";
import { performSteps } from "./run-batches.ts";

const TRIES = 3;
const RETRY_WAIT_MS = 200;

/**
 * The last resort of a failed rollback: loads the policy that lets through only what the old and the new one both allow,
 * so that a half-made machine is blocked, never open. Where the transaction did not touch the policy, the one that stands
 * goes on standing. Answers whether a policy of ours is now known to stand. Never throws.
 */
export async function blockTraffic(
  deps: ApplyDeps,
  batches: readonly Pick<JournalledBatch, "batch">[],
): Promise<boolean> {
  const policies = touchedPlaces(batches).filter(({ kind }) => driverOf(deps.registry, kind).between !== undefined);
  if (policies.length === 0) return await policyStands(deps);
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      for (const policy of policies) await performSteps(deps, blockingSteps(deps, policy));
      return await policyStands(deps);
    } catch {
      await deps.clock.sleep(RETRY_WAIT_MS * attempt);
    }
  }
  return false;
}

function blockingSteps(deps: ApplyDeps, { kind, key, before, after }: Touched): readonly Step[] {
  const strict = driverOf(deps.registry, kind).between?.(before, after) ?? after ?? before;
  if (strict === null) return [];
  const reason = "block until the old state can be restored";
  return [{ kind, key, action: "update", phase: "prepare", before, after: strict, changes: [], reason } as Step];
}

async function policyStands(deps: ApplyDeps): Promise<boolean> {
  try {
    return (await deps.host.firewall.read()).policy !== null;
  } catch {
    return false;
  }
}
