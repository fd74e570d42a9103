import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";

/** The machine's packet filter, as far as it is ours. */
export interface FirewallPort {
  /** The policy loaded now, and whether somebody can take it away; never fails because a foreign table is odd. */
  read(): Promise<FirewallObserved>;
  /** Replaces our whole policy in one transaction and cuts the flows it forbids; null removes it. */
  load(policy: FirewallPolicy | null): Promise<void>;
  /**
   * Puts the fallback of these paths in force, of all others out of it, and cuts the flows that this forbids. By itself it
   * ends FALLBACK_LIFETIME_MS later, or when a policy is loaded: who wants it to last says it again. Paths that the loaded
   * policy gives no fallback are passed over.
   */
  fallBack(numbers: readonly number[]): Promise<void>;
}
