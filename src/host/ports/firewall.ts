import type { FirewallObserved, FirewallPolicy, PathSwitch } from "../../model/firewall/policy.ts";

/** Our part of the host's packet filter. */
export interface FirewallPort {
  /** The loaded policy, and whether another program could remove it. Never fails because of a foreign table. */
  read(): Promise<FirewallObserved>;
  /**
   * Replaces our whole policy at once and cuts the flows it forbids; null removes it. `unheld`: it starts no
   * keeper, so other programs can remove the policy until the next load.
   */
  load(policy: FirewallPolicy | null, options?: { readonly unheld?: boolean }): Promise<void>;
  /**
   * Puts these switches in force, all others out of force, and cuts the flows that this forbids. A switch expires after
   * FALLBACK_LIFETIME_MS, or when a policy is loaded; repeat the call to extend it. Switches that the loaded policy does
   * not know are skipped.
   */
  fallBack(switches: readonly PathSwitch[]): Promise<void>;
}
