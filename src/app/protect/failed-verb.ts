import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { loadStrictest } from "../../reconciler/apply/block.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import { afterRestoring } from "./restore-policy.ts";
import { ifUnreadable } from "./unreadable-state.ts";

/**
 * The error to report for a verb that only reads. If the state is unreadable, it names the file and says whether
 * traffic passes.
 */
export function explainFailure(parts: HostParts, cause: unknown): Promise<unknown> {
  return ifUnreadable(parts, cause);
}

/**
 * The same for a verb that changes the host, and for the daemon. If the state cannot be read, or the accepted packet filter
 * is gone, a packet filter is loaded first, so that a failed verb leaves nothing open (rule S1.6).
 */
export async function protectAfterFailure(parts: HostParts, cause: unknown): Promise<unknown> {
  const load = (policies: readonly FirewallPolicy[]) => loadStrictest(applyDepsOf(parts), policies);
  const explained = await ifUnreadable(parts, cause, load);
  return explained === cause ? afterRestoring(parts, cause) : explained;
}
