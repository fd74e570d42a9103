import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";

/** Our part of the host's packet filter. */
export interface FirewallPort {
  /** The loaded policy, and whether another program could remove it. Never fails because of a foreign table. */
  read(): Promise<FirewallObserved>;
  /**
   * Replaces our whole policy in one transaction and cuts the flows it forbids; null removes it. `unheld`: it starts no
   * keeper, so other programs can remove the policy until the next load.
   */
  load(policy: FirewallPolicy | null, options?: { readonly unheld?: boolean }): Promise<void>;
  /**
   * Enables the fallback of these paths, disables that of all others, and cuts the flows that this forbids. The
   * fallback expires after FALLBACK_LIFETIME_MS, or when a policy is loaded; repeat the call to extend it. Paths
   * without a fallback in the loaded policy are skipped.
   */
  fallBack(numbers: readonly number[]): Promise<void>;
}
