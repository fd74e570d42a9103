import type { Host } from "../../host/ports/host.ts";
import { isClaim, type StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { ResourceDriver } from "../driver.ts";
import {
  diffTunnel,
  doesTunnelNeedReplace,
  havePeersRoamed,
  holdOfTunnel,
  isSilenceAlone,
  isTunnelOwned,
  reasonOfTunnel,
  recallTunnel,
  tunnelAsSpec,
  tunnelDependencies,
  tunnelEnforcement,
} from "./tunnel.ts";

/** Drives the engines of the devices: `tunnel/<tunnel>`. */
export const tunnelDriver: ResourceDriver<"tunnel"> = {
  kind: "tunnel",
  observe: observeTunnels,
  diff: diffTunnel,
  asSpec: tunnelAsSpec,
  isOwned: isTunnelOwned,
  dependsOn: tunnelDependencies,
  needsReplace: doesTunnelNeedReplace,
  roams: havePeersRoamed,
  isSilent: isSilenceAlone,
  recall: recallTunnel,
  heldBy: holdOfTunnel,
  reason: reasonOfTunnel,
  enforcement: tunnelEnforcement,
  apply: applyTunnels,
};

async function observeTunnels(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"tunnel">, TunnelSpec>,
): Promise<ReadonlyMap<ResourceKey<"tunnel">, TunnelObserved>> {
  const engines = new Map((await host.engines.readAll()).map((engine) => [engine.device, engine]));
  const observed = new Map<ResourceKey<"tunnel">, TunnelObserved>();
  for (const [key, { device }] of wanted) {
    const engine = engines.get(device) ?? (await host.engines.read(device));
    if (engine !== undefined) observed.set(key, engine);
    engines.delete(device);
  }
  if (engines.size === 0) return observed;
  // A device keeps its name when its tunnel is renamed; its mark shows that.
  const marked = new Map((await host.links.read()).map(({ device, tunnel }) => [device, tunnel]));
  for (const [device, engine] of engines) {
    const key: ResourceKey<"tunnel"> = `tunnel/${marked.get(device) ?? tunnelOfDevice(device)}`;
    observed.set(wanted.has(key) || observed.has(key) ? `${key}@${device}` : key, engine);
  }
  return observed;
}

async function applyTunnels(host: Host, steps: readonly StepOf<"tunnel">[]): Promise<void> {
  for (const step of steps) {
    if (isClaim(step)) continue;
    const { action, before, after } = step;
    if (before !== null && (after === null || action === "replace")) await host.engines.remove(before.device);
    if (after !== null) await host.engines.ensure(after);
  }
}
