import { applyPlanned } from "../apply/apply-planned.ts";
import type { Reverted } from "../apply/confirmation.ts";
import type { HostParts } from "../parts.ts";
import { planEndOfOverride } from "../plan/planner.ts";
import { restorePolicy } from "../protect/restore-policy.ts";

/**
 * Ends an override after its time, as the keeper does if the daemon has not. The packet filter closes before the
 * plan. Undefined if there is none.
 *
 * @throws AwgError locked while another awg is at work; those of an apply
 */
export async function endOverride(parts: HostParts): Promise<Reverted | undefined> {
  if ((await planEndOfOverride(parts)) === undefined) return undefined;
  await restorePolicy(parts);
  const planned = await planEndOfOverride(parts);
  if (planned === undefined) return undefined;
  const hooks = { request: "revert --due", onEvent: () => {}, shouldStop: () => undefined };
  const { generation } = await applyPlanned(parts, { planned }, hooks, () => {});
  return { generation, drifted: [] };
}
