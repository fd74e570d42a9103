import { LOOPBACK_DEVICE, PROTOCOL } from "../../model/firewall/packet.ts";
import { parseIp } from "../../model/ip.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { traceRoute } from "../../verify/routing/trace-route.ts";
import type { HostParts } from "../parts.ts";
import { readPolicyContext } from "../verify/declared-context.ts";

/** A tunnel with endpoints to which no route leads: the network below it is the cause, not a key. */
export interface NoNetwork {
  /** "no network: eth0 is down" */
  readonly what: string;
  readonly endpoint: string;
  /** Devices of others that are down. */
  readonly down: readonly string[];
}

/** Any port that an engine may have been given. */
const SOURCE_PORT = 40_000;

/** Why no packet can reach the endpoints of a tunnel; undefined if each tunnel has an endpoint with a route. Reads only. */
export async function readNoNetwork(
  parts: HostParts,
  { current }: Pick<Observation, "current">,
): Promise<NoNetwork | undefined> {
  const tunnels = [...(current.get("tunnel")?.values() ?? [])] as readonly TunnelObserved[];
  const endpoints = tunnels.map(({ peers }) => peers.flatMap(({ endpoint }) => endpoint ?? []));
  if (endpoints.every(({ length }) => length === 0)) return undefined;
  const { routing } = await readPolicyContext(parts);
  const cut = endpoints.find((some) => some.length > 0 && !some.some((one) => hasRoute(one, routing)));
  if (cut?.[0] === undefined) return undefined;
  const links = await parts.host.links.read();
  const down = links.flatMap(({ up, tunnel, device }) =>
    up || tunnel !== undefined || device === LOOPBACK_DEVICE ? [] : [device],
  );
  const why =
    down.length === 0 ? "there is no default route" : `${down.join(", ")} ${down.length === 1 ? "is" : "are"} down`;
  return { what: `no network: ${why}`, endpoint: cut[0], down };
}

/** Whether the kernel has a route for the engine's own packets to it. */
function hasRoute(endpoint: string, routing: KnownRouting): boolean {
  const [, host = "", port = "0"] = /^\[?([^\]]*)\]?:([0-9]+)$/.exec(endpoint) ?? [];
  const destination = parseIp(host);
  if (destination === undefined) return true;
  const mark = routing.isFlat === true ? 0 : ENGINE_MARK;
  const look = { destination, mark, uid: 0, protocol: PROTOCOL.udp, port: Number(port), sourcePort: SOURCE_PORT };
  const { leadsTo } = traceRoute(routing, look);
  return !leadsTo.startsWith("(") || leadsTo === "(local)";
}
