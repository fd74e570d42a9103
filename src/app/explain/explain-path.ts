import type { Host } from "../../host/ports/host.ts";
import type { Inspection } from "../../host/ports/inspection.ts";
import { PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { parseIp, renderIp } from "../../model/ip.ts";
import { deviceOfTunnel, ENGINE_MARK, markOfClass } from "../../model/ownership.ts";
import type { ProxySpec } from "../../model/relay/proxy.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { withoutRulesBefore } from "./declared-routing.ts";
import { differencesOf } from "./differences.ts";
import { dnsOf } from "./dns-path.ts";
import { firstPacket, kernelRoute, leaves, lookUp, sideOfKernel, sideOfPolicy } from "./explained-sides.ts";
import type { ExplainedPath, ExplainedSide, Explanation } from "./explanation.ts";
import { fallbackOf } from "./fallback-state.ts";
import type { AskedFlow } from "./flow-packet.ts";
import { flowPathOf } from "./path-name.ts";
import type { ClassCandidate, NamedClass } from "./socket-class.ts";
import { asOfMac, proxyState, tunnelState } from "./texts.ts";
import { unroutableNote } from "./unroutable-note.ts";

/** What is known of the host, whatever class the flow's socket has. */
export interface Surroundings {
  readonly host: Host;
  readonly os: Explanation["system"];
  readonly inspection: Inspection | undefined;
  readonly desired: DesiredState;
  readonly accepted: FirewallPolicy | undefined;
  /** The accepted and the loaded policy, each with the fallbacks in force. */
  readonly policy: FirewallPolicy;
  readonly loaded: FirewallPolicy;
  /** Rules and routes as observed, and as they should be. */
  readonly routing: KnownRouting;
  readonly ours: KnownRouting;
}

/** The path of a flow by the accepted state, if its socket has one of its possible classes. */
export interface DeclaredPath {
  readonly classes: ClassCandidate;
  readonly flow: AskedFlow;
  readonly side: ExplainedSide;
  /** The routing that it is judged by. */
  readonly leading: KnownRouting;
}

/** Judges the flow of a socket of this class by the accepted state. Pure. */
export function declarePath(
  asked: Omit<AskedFlow, "classMark">,
  classes: ClassCandidate,
  { policy, ours }: Surroundings,
): DeclaredPath {
  const flow = { ...asked, ...markOf(classes.declared) };
  return { classes, flow, ...declaredSide(flow, policy, ours) };
}

/** Judges the same flow by the kernel, and says where the two differ. Reads only. */
export async function explainPath(
  { classes, flow, side: declared, leading }: DeclaredPath,
  { host, os, inspection, desired, accepted, policy, loaded, routing, ours }: Surroundings,
): Promise<ExplainedPath> {
  const live = liveSide({ ...flow, ...markOf(classes.live) }, loaded, routing, inspection);
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const device = tunnels.find((tunnel) => tunnel.device === declared.path)?.device;
  const engine = device === undefined ? undefined : await host.engines.read(device);
  const dns = dnsOf(flow, desired.resources, policy, ours);
  const shown = (side: ExplainedSide, socketClass: NamedClass | undefined): ExplainedSide => ({
    ...(os === "darwin" ? asOfMac(side) : side),
    ...(socketClass === undefined ? {} : { socketClass }),
  });
  return {
    declared: shown(declared, classes.declared),
    live: shown(live.side, classes.live),
    ...tunnelOf(desired, device, engine),
    ...(await proxyOf(host, desired, declared.path)),
    ...(accepted === undefined ? {} : acceptedPath(accepted, policy, firstPacket(flow, ours), desired.resources)),
    ...(dns === undefined ? {} : { dns }),
    disagreements: [
      ...differencesOf(declared, live.side, os),
      ...missourced(tunnels, { declared: lookUp(flow, leading).leadsTo, live: live.leadsTo }),
    ],
    notes: unroutableNote({
      destination: renderIp(flow.address),
      declared,
      tunnels: tunnels.map((tunnel) => tunnel.device),
      endpoints: os === "linux" ? endpointRoutes(flow, engine, routing) : [],
    }),
  };
}

function markOf(socketClass: NamedClass | undefined): Pick<AskedFlow, "classMark"> {
  return { classMark: markOfClass(socketClass?.number ?? 0) };
}

/**
 * What the config decides, and the routing that it decides by. The host itself routes direct flows. For a tunneled flow no
 * policy rule of another program may come first.
 */
function declaredSide(flow: AskedFlow, policy: FirewallPolicy, ours: KnownRouting) {
  const side = sideOfPolicy(flow, policy, ours);
  const isTunneled = policy.layers.some(({ tunnels }) => tunnels.some(({ device }) => device === side.path));
  if (!isTunneled) return { side, leading: ours };
  const leading = withoutRulesBefore(ours);
  return { side: sideOfPolicy(flow, policy, leading), leading };
}

/** What the kernel decides; without an inspection, what the loaded policy does. */
function liveSide(flow: AskedFlow, policy: FirewallPolicy, routing: KnownRouting, inspection: Inspection | undefined) {
  return inspection === undefined
    ? { side: sideOfPolicy(flow, policy, routing), leadsTo: lookUp(flow, routing).leadsTo }
    : { side: sideOfKernel(flow, inspection, routing), leadsTo: kernelRoute(flow, inspection).leadsTo };
}

/** What the accepted policy gives the flow besides its path. */
function acceptedPath(
  accepted: FirewallPolicy,
  policy: FirewallPolicy,
  packet: ReturnType<typeof firstPacket>,
  resources: DesiredState["resources"],
): Pick<Explanation, "fallback" | "limit"> {
  const fallback = fallbackOf(accepted, policy, packet, resources);
  const { limit } = flowPathOf(accepted, packet);
  return { ...(fallback === undefined ? {} : { fallback }), ...(limit === undefined ? {} : { limit }) };
}

function tunnelOf(
  desired: DesiredState,
  device: string | undefined,
  engine: TunnelObserved | undefined,
): Pick<Explanation, "tunnel"> {
  if (device === undefined) return {};
  return { tunnel: { device, name: nameOfDevice(desired, device), state: tunnelState(engine) } };
}

/** The tunnel of a device, whose name may be shortened. */
function nameOfDevice({ resources }: DesiredState, device: string): string {
  const link = resources.find((one) => one.kind === "link" && one.spec.device === device);
  return link?.kind === "link" && link.spec.tunnel !== "" ? link.spec.tunnel : tunnelOfDevice(device);
}

/** The proxy whose path this is, with the state of its relay. */
async function proxyOf(
  { relays }: Host,
  { resources }: DesiredState,
  path: string,
): Promise<Pick<Explanation, "tunnel">> {
  const spec = resources.find((one) => one.kind === "proxy" && deviceOfTunnel(one.spec.name) === path)?.spec as
    | ProxySpec
    | undefined;
  if (spec === undefined) return {};
  const relay = (await relays?.readAll())?.find(({ number }) => number === spec.number)?.relay;
  return { tunnel: { device: path, name: tunnelOfDevice(path), state: proxyState(relay) } };
}

/** The device by which an engine sends its own packets to each endpoint; on Linux their mark selects it. */
function endpointRoutes(flow: AskedFlow, engine: TunnelObserved | undefined, routing: KnownRouting) {
  return (engine?.peers ?? []).flatMap(({ endpoint = "" }) => {
    const address = parseIp(endpoint.replace(/:[0-9]+$/, "").replace(/^\[(.*)\]$/, "$1"));
    if (address === undefined) return [];
    const port = Number(endpoint.slice(endpoint.lastIndexOf(":") + 1));
    const { leadsTo } = lookUp({ ...flow, address, uid: 0, protocol: PROTOCOL.udp, port }, routing, ENGINE_MARK);
    return [{ address: renderIp(address), route: leadsTo }];
  });
}

/**
 * The kernel chooses the source address by a route look-up before any mark is set. Among direct devices any may be
 * right.
 */
function missourced(
  tunnels: readonly { readonly device: string }[],
  { declared, live }: Readonly<Record<"declared" | "live", string>>,
): readonly string[] {
  const isTunnel = (name: string) => tunnels.some(({ device }) => device === name);
  if (declared === live || !leaves(declared) || !leaves(live) || !(isTunnel(declared) || isTunnel(live))) return [];
  return [`source address: declared that of ${declared}, the kernel takes that of ${live}`];
}
