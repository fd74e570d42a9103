import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { between, blockedPolicy } from "../../model/firewall/transition.ts";
import type { Step } from "../../model/plan.ts";
import { driverOf } from "../plan/observation.ts";
import type { ApplyDeps } from "./outcome.ts";
import type { JournalledBatch } from "./record.ts";
import { type Touched, touchedPlaces } from "./restored.ts";
import { performSteps } from "./run-batches.ts";

const TRIES = 3;
const RETRY_WAIT_MS = 200;

type Machine = Pick<ApplyDeps, "host" | "registry" | "clock">;

/**
 * The last resort of a failed rollback: loads the policy that lets through only what the old and the new one both allow,
 * so that a half-made machine is blocked, never open. Where the transaction did not touch the policy, the one that stands
 * goes on standing; when it is gone, the accepted one is loaded. What the machine does not take gives way to *blocked*
 * (rule S1.4). A machine that has no policy and is to have none is left alone. Answers whether a policy of
 * ours is now known to stand. Never throws.
 */
export async function blockTraffic(
  deps: ApplyDeps,
  batches: readonly Pick<JournalledBatch, "batch">[],
): Promise<boolean> {
  const policies = touchedPlaces(batches).filter(({ kind }) => driverOf(deps.registry, kind).between !== undefined);
  if (policies.length === 0 && (await policyStands(deps))) return true;
  const strict = policies.length === 0 ? await acceptedPolicies(deps) : policies.map((one) => strictest(deps, one));
  const wanted = strict.filter((policy) => policy !== null);
  if (wanted.length > 0) await loadStrictest(deps, wanted);
  return await policyStands(deps);
}

/** What came of a load: whether anything was taken, and why what was asked for was not, where it was not. */
interface Loaded {
  readonly loaded: boolean;
  readonly refusal?: unknown;
}

/** Loads what all of these policies let pass; where there are none, or that is not taken, *blocked*. Never throws. */
export async function loadStrictest(deps: Machine, policies: readonly FirewallPolicy[]): Promise<Loaded> {
  const [first = blockedPolicy(), ...more] = policies;
  const strict = more.reduce<FirewallPolicy>((all, one) => between(all, one) ?? one, first);
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

/** Whether a whole policy of ours stands in the packet filter. Never throws. */
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

/** The policy as the ledger knows it; where that cannot be read, nothing is to pass. */
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
