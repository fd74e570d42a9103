import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import { isInSync, type Plan, stepsOf } from "../../model/plan.ts";
import type { ResourceKind } from "../../model/resource.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";

/** Kinds that no packet meets. */
const BESIDE_PACKETS: ReadonlySet<ResourceKind> = new Set<ResourceKind>(["service", "autostart", "system-extension"]);

/**
 * What happens to packets during and after a plan, as one sentence for its last line. A plan restores a removed packet
 * filter to the accepted one, so the current state is taken from the observation. Pure.
 */
export function trafficSentence(plan: Plan, { current }: Pick<Observation, "current">): string {
  if (isInSync(plan)) return "nothing changes.";
  const steps = stepsOf(plan);
  const policies = steps.filter((step) => step.kind === "firewall");
  const first = policies[0];
  const last = policies.at(-1);
  if (first === undefined || last === undefined) {
    const kinds = steps.map(({ kind }) => kind).filter((kind) => !BESIDE_PACKETS.has(kind));
    if (kinds.length === 0) return "nothing changes for it.";
    const isClassifierAlone = kinds.every((kind) => kind === "classifier");
    return `the packet filter stays in force while ${isClassifierAlone ? "the classifier is loaded again" : "routes change"}.`;
  }
  const [found] = current.get("firewall")?.values() ?? [];
  const hole = holeIn(found as FirewallObserved | undefined);
  if (last.after === null) return untilNothing(hole, first.before as FirewallPolicy | null);
  if (!blocks(last.after as FirewallPolicy))
    return "the kill switch is off; traffic may bypass the tunnels during the change.";
  if (first.before === null || !blocks(first.before as FirewallPolicy)) {
    return "from the first step, only tunnel traffic and your exceptions pass; forbidden open connections are closed.";
  }
  if (hole === "gone")
    return `the packet filter is gone, so nothing is blocked until the first step restores it; ${THEN}`;
  if (hole === "damaged")
    return `the packet filter is damaged and may pass what it forbids until the first step reloads it; ${THEN}`;
  return "during the change, only what both policies allow passes; nothing leaves outside the tunnels.";
}

/** Traffic if the last step removes the packet filter. */
function untilNothing(hole: Hole | undefined, before: FirewallPolicy | null): string {
  if (hole === "gone") return "open, as before awg: the packet filter is gone already.";
  const then = "after the last step traffic is open, as before awg.";
  if (hole === "damaged") return `the packet filter is damaged and may pass what it forbids; ${then}`;
  if (before === null || !blocks(before)) return `the kill switch is off; ${then}`;
  return "protected until the last step, then open, as before awg.";
}

const THEN = "then only tunnel traffic and your exceptions pass.";

type Hole = "gone" | "damaged";

function holeIn(found: FirewallObserved | undefined): Hole | undefined {
  if (found === undefined || (found.policy === null && found.damage.length === 0)) return "gone";
  return found.damage.length > 0 ? "damaged" : undefined;
}

function blocks(policy: FirewallPolicy): boolean {
  return policy.layers.some(({ killSwitch }) => killSwitch);
}
