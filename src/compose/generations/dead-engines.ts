import type { Host } from "../../host/ports/host.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resource.ts";

/**
 * Removes what engines left that died together with their device: such a tunnel is not observed any more, so that no step
 * of the plan takes it away with the state that named it. What cannot be removed is left; nothing depends on it.
 */
export async function removeDeadEngines(
  { engines }: Host,
  before: DesiredState | undefined,
  after: DesiredState,
  plan: Plan,
): Promise<void> {
  const kept = new Set(devicesOf(after));
  for (const step of stepsOf(plan)) if (step.kind === "tunnel" && !isClaim(step)) kept.add(step.before?.device ?? "");
  for (const device of devicesOf(before).filter((one) => !kept.has(one))) await engines.remove(device).catch(() => {});
}

function devicesOf(state: DesiredState | undefined): string[] {
  return (state?.resources ?? []).flatMap((resource) => (resource.kind === "tunnel" ? [resource.spec.device] : []));
}
