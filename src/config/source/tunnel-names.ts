import { isFault } from "../field/fault.ts";
import { checkTunnelName } from "../section/path.ts";
import type { Findings } from "./finding.ts";
import { childOf, type MapNode } from "./source-node.ts";

/** Reports tunnels with invalid names. The schema accepts them, so that the keys of such a tunnel are still read. */
export function checkTunnelNames(root: MapNode, findings: Findings): void {
  const tunnels = childOf(root, "tunnels");
  if (tunnels?.kind !== "map") return;
  for (const [name, { key }] of tunnels.entries) {
    const result = checkTunnelName(name);
    if (isFault(result)) findings.add(result.fault, key, result.message, result.remedy);
  }
}
