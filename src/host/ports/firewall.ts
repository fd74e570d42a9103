import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";

/** The machine's packet filter, as far as it is ours. */
export interface FirewallPort {
  /** The policy loaded now, and whether somebody can take it away; never fails because a foreign table is odd. */
  read(): Promise<FirewallObserved>;
  /** Replaces our whole policy in one transaction and cuts the flows it forbids; null removes it. */
  load(policy: FirewallPolicy | null): Promise<void>;
}
