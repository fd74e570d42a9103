import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { renderEgressTable } from "./egress-table.ts";
import { renderInetTable } from "./inet-table.ts";
import type { RenderedTable } from "./table-writer.ts";

/** What the rules depend on besides the policy. */
export interface RenderContext {
  /** Physical devices for the egress hook; none on a machine without one. */
  readonly devices: readonly string[];
  /** The policy's name, written into the ruleset: its hash. */
  readonly identity: string;
}

/** Renders the whole policy as the tables to load in one transaction. Pure. */
export function renderNft(policy: FirewallPolicy, { devices, identity }: RenderContext): readonly RenderedTable[] {
  const inet = renderInetTable(policy, identity);
  return devices.length === 0 ? [inet] : [inet, renderEgressTable(policy, devices)];
}
