import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { isInSync, type Plan, stepsOf } from "../../model/plan.ts";
import type { ResourceKind } from "../../model/resource.ts";

/** Kinds that no packet meets. */
const BESIDE_PACKETS: ReadonlySet<ResourceKind> = new Set<ResourceKind>(["service", "autostart", "system-extension"]);

/** What happens to packets while a plan is carried out and after it, in one sentence for the last line of a plan. */
export function trafficSentence(plan: Plan): string {
  if (isInSync(plan)) return "nothing changes.";
  const policies = stepsOf(plan).filter((step) => step.kind === "firewall");
  const first = policies[0];
  const last = policies.at(-1);
  if (first === undefined || last === undefined) {
    const isBeside = stepsOf(plan).every(({ kind }) => BESIDE_PACKETS.has(kind));
    return isBeside ? "nothing changes for it." : "the packet filter stays; routes change while it holds.";
  }
  if (last.after === null) return "protected until the last step, then open as before awg.";
  if (!blocks(last.after as FirewallPolicy))
    return "not blocked: the kill switch is off, so flows may leave outside the tunnels meanwhile.";
  if (first.before === null || !blocks(first.before as FirewallPolicy)) {
    return "from the first step on only tunnels and the stated exceptions pass; open flows that the policy forbids are cut.";
  }
  return "meanwhile only what both the old and the new policy allow passes; nothing leaves outside the tunnels.";
}

function blocks(policy: FirewallPolicy): boolean {
  return policy.layers.some(({ killSwitch }) => killSwitch);
}
