import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import { isInSync, type Plan, stepsOf } from "../../model/plan.ts";
import type { ResourceKind } from "../../model/resource.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";

/** Kinds that no packet meets. */
const BESIDE_PACKETS: ReadonlySet<ResourceKind> = new Set<ResourceKind>(["service", "autostart", "system-extension"]);

/**
 * What happens to packets while a plan is carried out and after it, in one sentence for the last line of a plan. A plan puts a
 * packet filter that was taken away back to what was accepted, so what stands is told by what was observed. Pure.
 */
export function trafficSentence(plan: Plan, { current }: Pick<Observation, "current">): string {
  if (isInSync(plan)) return "nothing changes.";
  const policies = stepsOf(plan).filter((step) => step.kind === "firewall");
  const first = policies[0];
  const last = policies.at(-1);
  if (first === undefined || last === undefined) {
    const isBeside = stepsOf(plan).every(({ kind }) => BESIDE_PACKETS.has(kind));
    return isBeside ? "nothing changes for it." : "the packet filter stays; routes change while it holds.";
  }
  const [found] = current.get("firewall")?.values() ?? [];
  const hole = holeIn(found as FirewallObserved | undefined);
  if (last.after === null) return untilNothing(hole, first.before as FirewallPolicy | null);
  if (!blocks(last.after as FirewallPolicy))
    return "not blocked: the kill switch is off, so flows may leave outside the tunnels meanwhile.";
  if (first.before === null || !blocks(first.before as FirewallPolicy)) {
    return "from the first step on only tunnels and the stated exceptions pass; open flows that the policy forbids are cut.";
  }
  if (hole === "gone")
    return `the packet filter is gone, so that nothing is blocked until its first step has put it back; ${THEN}`;
  if (hole === "damaged")
    return `the packet filter is damaged and may let pass what it forbids until its first step has loaded it again; ${THEN}`;
  return "meanwhile only what both the old and the new policy allow passes; nothing leaves outside the tunnels.";
}

/** Where the packet filter goes with the last step. */
function untilNothing(hole: Hole | undefined, before: FirewallPolicy | null): string {
  if (hole === "gone") return "open as before awg from the beginning: the packet filter is gone already.";
  const then = "after the last step open as before awg.";
  if (hole === "damaged") return `the packet filter is damaged and may let pass what it forbids; ${then}`;
  if (before === null || !blocks(before)) return `not blocked: the kill switch is off; ${then}`;
  return "protected until the last step, then open as before awg.";
}

const THEN = "from then on only tunnels and the stated exceptions pass.";

type Hole = "gone" | "damaged";

function holeIn(found: FirewallObserved | undefined): Hole | undefined {
  if (found === undefined || (found.policy === null && found.damage.length === 0)) return "gone";
  return found.damage.length > 0 ? "damaged" : undefined;
}

function blocks(policy: FirewallPolicy): boolean {
  return policy.layers.some(({ killSwitch }) => killSwitch);
}
