import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { between, blockedPolicy } from "../../model/firewall/transition.ts";
import type { Step } from "../../model/plan.ts";
import type { JournalledBatch } from "../journal/open-transaction.ts";
import { driverOf, isPolicy } from "../plan/observation.ts";
import type { ApplyDeps } from "./outcome.ts";
import { type Touched, touchedPlaces } from "./restored.ts";
import { performSteps } from "./run-batches.ts";

const TRIES = 3;
const RETRY_WAIT_MS = 200;

type Machine = Pick<ApplyDeps, "host" | "registry" | "clock">;

/**
 * The last resort after a failed rollback: loads the policy that allows only what old and new both allow, so the host
 * is blocked, never open.
 * - If the transaction did not touch the policy, the loaded one stays; if it is gone, the accepted one is loaded.
 * - If the kernel refuses a policy, *blocked* is loaded instead (rule S1.4).
 * - A host without a policy, that needs none, is left alone.
 * Returns whether a policy of ours is now known to be loaded. Never throws.
 */
export async function blockTraffic(
  deps: ApplyDeps,
  batches: readonly Pick<JournalledBatch, "batch">[],
): Promise<boolean> {
  const policies = touchedPlaces(batches).filter(({ kind }) => isPolicy(driverOf(deps.registry, kind)));
  if (policies.length === 0 && (await policyStands(deps))) return true;
  const strict = policies.length === 0 ? await acceptedPolicies(deps) : policies.map((one) => strictest(deps, one));
  const wanted = strict.filter((policy) => policy !== null);
  if (wanted.length > 0) await loadStrictest(deps, wanted);
  return await policyStands(deps);
}

/** The result of a load: whether any policy was accepted, and why the requested one was refused, if it was. */
interface Loaded {
  readonly loaded: boolean;
  readonly refusal?: unknown;
}

/** The policy that all of these allow; *blocked* if there are none. Pure. */
export function strictestOf([first = blockedPolicy(), ...more]: readonly FirewallPolicy[]): FirewallPolicy {
  return more.reduce<FirewallPolicy>((all, one) => between(all, one) ?? one, first);
}

/** Loads the policy that all of these allow; *blocked* if there are none or the load is refused. Never throws. */
export async function loadStrictest(deps: Machine, policies: readonly FirewallPolicy[]): Promise<Loaded> {
  const strict = strictestOf(policies);
  let refusal: unknown;
  for (const policy of [strict, blockedPolicy()]) {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        await performSteps(deps, [blockingStep(policy)]);
        return policy === strict ? { loaded: true } : { loaded: true, refusal };
      } catch (error) {
        refusal ??= error;
        await deps.clock.sleep(RETRY_WAIT_MS * attempt);
      }
    }
  }
  return { loaded: false, refusal };
}

/** Whether a complete policy of ours is loaded. Never throws. */
async function policyStands({ host }: Pick<ApplyDeps, "host">): Promise<boolean> {
  try {
    const { policy, damage } = await host.firewall.read();
    return policy !== null && damage.length === 0;
  } catch {
    return false;
  }
}

function strictest({ registry }: ApplyDeps, { kind, before, after }: Touched): FirewallPolicy | null {
  return (driverOf(registry, kind).between?.(before, after) ?? after ?? before) as FirewallPolicy | null;
}

/** The policy in the ledger; *blocked* if the ledger cannot be read. */
async function acceptedPolicies({ stores }: ApplyDeps): Promise<readonly FirewallPolicy[]> {
  try {
    const { entries } = await stores.ledger.read();
    return entries.flatMap(({ kind, spec }) => (kind === "firewall" ? [spec as FirewallPolicy] : []));
  } catch {
    return [blockedPolicy()];
  }
}

function blockingStep(after: FirewallPolicy): Step {
  const reason = "block until the old state can be restored";
  const place = { kind: "firewall", key: "firewall/machine", action: "update", phase: "prepare" } as const;
  return { ...place, before: null, after, changes: [], reason };
}
