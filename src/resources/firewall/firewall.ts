import type { Capabilities } from "../../host/ports/facts.ts";
import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Enforcement, FieldChange } from "../../model/resource.ts";
import type { Hold } from "../driver.ts";
import { valueChange } from "../field-change.ts";
import { hasPacketFilter } from "../packet-filter.ts";
import { diffData } from "./diff-data.ts";

/**
 * What differs between the wanted policy and the loaded one. Damage counts. So do tables without an owner when a live
 * process could own them: the next apply loads the policy again and takes ownership.
 */
export function diffFirewall(desired: FirewallPolicy, observed: FirewallObserved): FieldChange[] {
  if (observed.policy === null) {
    return [{ field: "", after: "the whole policy" }, ...valueChange("/damage", observed.damage, [])];
  }
  return [
    ...diffData("", observed.policy, desired),
    ...valueChange("/damage", observed.damage, []),
    ...(observed.holdable === false ? [] : valueChange("/held", observed.held, true)),
  ];
}

/**
 * How well the kernel enforces the policy: without table owner root can flush it, without the egress hook root can
 * bypass it.
 */
export function firewallEnforcement(policy: FirewallPolicy, capabilities: Capabilities): Enforcement {
  if (!hasPacketFilter(capabilities)) return "unsupported";
  if (!policy.layers.some(({ killSwitch }) => killSwitch)) return "enforced";
  return capabilities.ownedTables && capabilities.egressHook ? "enforced" : "best-effort";
}

/** A table of another program with the name of one of awg's: awg cannot load its own beside it. */
export function holdOfFirewall(_: FirewallPolicy, { foreignTables = [] }: FirewallObserved): Hold | undefined {
  if (foreignTables.length === 0) return undefined;
  const tables = `${foreignTables.length === 1 ? "table" : "tables"} ${foreignTables.join(" and ")}`;
  return { holder: `the nf_tables ${tables} of another program`, canStay: false };
}
