import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { renderArpTable } from "./arp-table.ts";
import { type SpreadPart, spreadDevices } from "./chains/spread-devices.ts";
import { renderEgressTable } from "./egress-table.ts";
import { renderInetTable } from "./inet-table.ts";
import type { RenderedTable } from "./rendered-table.ts";

/** What the rules depend on besides the policy. */
export interface RenderContext {
  /** Physical devices for the egress hook; none on a machine without one. */
  readonly devices: readonly string[];
  /** The same by the chains that they stand on, where that is not as a load would spread them (`spreadDevices`). */
  readonly spread?: readonly SpreadPart[] | undefined;
  /** Devices by which default routes lead (S6.8); none when absent. */
  readonly uplinks?: readonly string[];
  /** Whether the kernel knows tables that have an owner and stay when it dies (6.9 and later). */
  readonly ownedTables: boolean;
  /** The policy's name, written into the ruleset: its hash. */
  readonly identity: string;
}

/** Renders the whole policy as the tables to load. Pure. */
export function renderNft(policy: FirewallPolicy, context: RenderContext): readonly RenderedTable[] {
  const { devices, spread, uplinks = [], identity, ownedTables } = context;
  const common = { identity, owned: ownedTables, uplinks };
  const inet = renderInetTable(policy, common);
  if (devices.length === 0) return [inet];
  return [inet, spreadDevices(renderEgressTable(policy, devices, common), spread), renderArpTable(common)];
}
