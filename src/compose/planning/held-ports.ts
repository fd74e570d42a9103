import type { Host } from "../../host/ports/host.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import type { TunnelObserved } from "../../model/spec/tunnel.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";

/**
 * Tunnels whose UDP port is somebody else's, each with a sentence that says whose. One that an engine here has is given up by
 * it before another takes it.
 */
export async function heldPorts(
  { engines }: Pick<Host, "engines">,
  { resources }: DesiredState,
  { current }: Observation,
): Promise<ReadonlyMap<ResourceKey, string>> {
  const standing = [...(current.get("tunnel")?.values() ?? [])].map((tunnel) => (tunnel as TunnelObserved).listenPort);
  const held = new Map<ResourceKey, string>();
  for (const { kind, key, spec } of resources) {
    if (kind !== "tunnel" || spec.listenPort === 0 || standing.includes(spec.listenPort)) continue;
    const holder = await engines.portHolder?.(spec.listenPort);
    if (holder !== undefined) held.set(key, `${key} is held by ${holder}, which has the UDP port ${spec.listenPort}`);
  }
  return held;
}
