import type { Host } from "../../host/ports/host.ts";
import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import { between } from "../../model/firewall/transition.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffFirewall, firewallEnforcement, holdOfFirewall } from "./firewall.ts";

/** Drives the packet policy of the host: `firewall/machine`. */
export const firewallDriver: ResourceDriver<"firewall"> = {
  kind: "firewall",
  observe: observeFirewall,
  diff: diffFirewall,
  asSpec: ({ policy }) => policy ?? undefined,
  isOwned: ({ policy, damage }) => policy !== null || damage.length > 0,
  heldBy: holdOfFirewall,
  between,
  enforcement: firewallEnforcement,
  apply: applyFirewall,
};

async function observeFirewall(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"firewall">, FirewallPolicy>,
): Promise<ReadonlyMap<ResourceKey<"firewall">, FirewallObserved>> {
  const read = await host.firewall.read();
  const [key = "firewall/machine"] = wanted.keys();
  if (wanted.size === 0 && read.policy === null && read.damage.length === 0) return new Map();
  return new Map([[key, read.held || read.holdable !== undefined ? read : await withHoldable(host, read)]]);
}

/** Asks the host for a possible owner only if the tables have none. */
async function withHoldable(host: Host, read: FirewallObserved): Promise<FirewallObserved> {
  const { capabilities } = await host.facts.read({ users: [], hosts: [] });
  return { ...read, holdable: capabilities.ownedTables };
}

async function applyFirewall(host: Host, steps: readonly StepOf<"firewall">[]): Promise<void> {
  for (const { action, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    await host.firewall.load(after);
  }
}
