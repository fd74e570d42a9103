import type { Packet } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, PathRef } from "../../model/firewall/policy.ts";
import type { Resource } from "../../model/resource.ts";
import { fallbackText, tunnelNames } from "../programs/program-rules.ts";
import type { ExplainedFallback } from "./explanation.ts";
import { flowPathOf } from "./path-name.ts";

/**
 * What the rule of a packet does while its tunnel is down; undefined if it leads into none. Pure.
 *
 * @param now the accepted policy with the fallbacks that are in force
 */
export function fallbackOf(
  accepted: FirewallPolicy,
  now: FirewallPolicy,
  packet: Packet,
  resources: readonly Resource[],
): ExplainedFallback | undefined {
  const { path } = flowPathOf(accepted, packet);
  if (path.kind !== "tunnel") return undefined;
  const isInForce = pathKey(path) !== pathKey(flowPathOf(now, packet).path);
  return { text: fallbackText(path, tunnelNames(resources)), isInForce };
}

function pathKey(path: PathRef): string {
  return path.kind === "tunnel" ? path.device : path.kind;
}
