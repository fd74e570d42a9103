import { PROTOCOL } from "../../model/firewall/packet.ts";
import { type IpAddress, parseIp } from "../../model/ip.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import type { LinkObserved } from "../../model/resources/link.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { traceRoute } from "../../verify/routing/trace-route.ts";
import type { ResourceStatus } from "../status/status-report.ts";
import { hasAnswered, tunnelState } from "../status/tunnel-state.ts";
import type { Finding } from "./finding.ts";

/** The network below the tunnels. */
export interface Uplinks {
  readonly routing: KnownRouting;
  readonly links: readonly LinkObserved[];
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Any port that an engine may have been given. */
const SOURCE_PORT = 40_000;

/**
 * Tunnels that send and get no answer. If no route leads to an endpoint, the network below is the cause and is the only
 * finding: no key can be at fault. A tunnel that has sent nothing is not judged. Pure.
 */
export function judgeTunnels(resources: readonly ResourceStatus[], uplinks: Uplinks): readonly Finding[] {
  const tunnels = resources.filter(({ tunnel, ready }) => !ready && tunnel !== undefined);
  const cut = tunnels.flatMap((one) => endpointsOf(one, uplinks).filter((endpoint) => !hasRoute(endpoint, uplinks)));
  const [first] = cut;
  if (first !== undefined) return [noNetwork(first, uplinks.links)];
  return tunnels
    .filter(({ tunnel }) => tunnel !== undefined && tunnelState(tunnel, uplinks.nowMs, false) === "blocked")
    .map((one) => silentFinding(one, endpointsOf(one, uplinks)));
}

/** The endpoints of the peers that have not answered. */
function endpointsOf({ tunnel }: ResourceStatus, { nowMs }: Uplinks): readonly string[] {
  const silent = (tunnel?.peers ?? []).filter((peer) => !hasAnswered(peer, nowMs));
  return silent.flatMap(({ endpoint }) => endpoint ?? []);
}

/** Whether the kernel has a route for the engine's own packets to it. */
function hasRoute(endpoint: string, { routing }: Uplinks): boolean {
  const { address, port } = parseEndpoint(endpoint);
  if (address === undefined) return true;
  const mark = routing.isFlat === true ? 0 : ENGINE_MARK;
  const look = { destination: address, mark, uid: 0, protocol: PROTOCOL.udp, port, sourcePort: SOURCE_PORT };
  return !traceRoute(routing, look).way.startsWith("(") || traceRoute(routing, look).way === "(local)";
}

function parseEndpoint(endpoint: string): { readonly address: IpAddress | undefined; readonly port: number } {
  const [, host = "", port = "0"] = /^\[?([^\]]*)\]?:([0-9]+)$/.exec(endpoint) ?? [];
  return { address: parseIp(host), port: Number(port) };
}

function noNetwork(endpoint: string, links: readonly LinkObserved[]): Finding {
  const down = links.filter(({ up, tunnel, device }) => !up && tunnel === undefined && device !== "lo");
  const names = down.map(({ device }) => device);
  const what =
    names.length === 0 ? "there is no default route" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} down`;
  return {
    id: "no-network",
    severity: "fault",
    what: `no network: ${what}`,
    evidence: [`no route leads to the endpoint ${endpoint}`],
    remedy:
      names.length === 0
        ? ["connect to a network, or add a default route"]
        : names.map((name) => `ip link set ${name} up`),
  };
}

function silentFinding({ key, summary }: ResourceStatus, endpoints: readonly string[]): Finding {
  const from = endpoints.length === 0 ? "any peer" : endpoints.join(", ");
  return {
    id: "tunnel-silent",
    severity: "fault",
    what: `${key} does not work: no answer from ${from}`,
    evidence: [summary],
    remedy: [
      "check the endpoint, its port and the peer's public key in the config",
      "check that the peer has this host's public key",
      "check the clock: a peer refuses handshakes that are older than the last it saw",
      "run awg verify: another program's rules may drop the tunnel's packets",
    ],
  };
}
