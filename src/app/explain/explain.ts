import type { Host } from "../../host/ports/host.ts";
import type { Inspection, RouteAnswer } from "../../host/ports/inspection.ts";
import { judge, markAfterSteering } from "../../model/firewall/evaluate.ts";
import { withFallback } from "../../model/firewall/fallback.ts";
import { PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { type IpAddress, parseIp, renderIp } from "../../model/ip.ts";
import { deviceOfTunnel, ENGINE_MARK, pathOfMark } from "../../model/ownership.ts";
import type { ProxySpec, RelayState } from "../../model/relay/proxy.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { type FoundRoute, isByRouter, traceRoute } from "../../verify/routing/trace-route.ts";
import type { HostParts } from "../parts.ts";
import { compareHost, unrecordedText } from "../status/compare-host.ts";
import { readStateInForce } from "../status/state-in-force.ts";
import { readPolicyContext } from "../verify/declared-context.ts";
import { unmodelledRules } from "../verify/unmodelled-rules.ts";
import { policyIn } from "../verify/verify-machine.ts";
import { declaredRouting, withoutRulesBefore } from "./declared-routing.ts";
import { differencesOf } from "./differences.ts";
import type { ExplainedSide, Explanation } from "./explanation.ts";
import { type AskedFlow, outDeviceOf, packetOf, pointOf, RELAY_DEVICE, SOURCE_PORT } from "./flow-packet.ts";
import { nameSetsOfFlow } from "./name-sets.ts";
import { isProxyMark, pathName, pathReason } from "./path-name.ts";
import { senderOf } from "./program-sender.ts";
import { type ExplainQuestion, readQuestion } from "./question.ts";
import { asOfMac, policyRuleText, proxyState, routeText, routeTextOfMac, tunnelState } from "./texts.ts";
import { unroutableNote } from "./unroutable-note.ts";

const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** Explains one flow from the accepted state and from the kernel, and where the two differ. Reads only. */
export async function explainFlow(parts: HostParts, question: ExplainQuestion): Promise<Explanation> {
  parts.requireRights?.();
  const { host } = parts;
  const { address, uid, programs, notes } = await readQuestion(parts, question);
  const { generation, desired } = await readStateInForce(parts);
  const observed = await host.firewall.read();
  const accepted = policyIn(desired);
  const policy = withFallback(accepted ?? NO_POLICY, observed.fallback ?? []);
  const { routing } = await readPolicyContext(parts);
  const protocol = question.protocol ?? protocolFor(question, address);
  const port = PORTED_PROTOCOLS.includes(protocol) ? question.port : undefined;
  const links = await host.links.read();
  const inspection = await parts.inspection?.();
  const sets = nameSetsOfFlow(question.destination, address, desired, inspection);
  const sender = senderOf(desired.resources, programs);
  const asked = { address, uid, classMark: sender.mark, protocol, ...(port === undefined ? {} : { port }) };
  const flow: AskedFlow = { ...asked, links, policy, sets };
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const ours = declaredRouting(desired, routing, observed.fallback ?? []);
  const declaredByRoutes = sideOfPolicy(flow, policy, ours);
  // The host itself routes direct flows. For a tunneled flow no policy rule of another program may come first.
  const isTunneled = tunnels.some((tunnel) => tunnel.device === declaredByRoutes.path);
  const leading = isTunneled ? withoutRulesBefore(ours) : ours;
  const declared = isTunneled ? sideOfPolicy(flow, policy, leading) : declaredByRoutes;
  const live =
    inspection === undefined
      ? sideOfPolicy(flow, observed.policy ?? NO_POLICY, routing)
      : sideOfKernel(flow, inspection, routing);
  const { capabilities, os } = await host.facts.read({ users: [], hosts: [] });
  const device = tunnels.find((tunnel) => tunnel.device === declared.path)?.device;
  const engine = device === undefined ? undefined : await host.engines.read(device);
  const proxy = await readProxy(host, desired, declared.path);
  const differences = differencesOf(declared, live, os);
  return {
    flow: { destination: renderIp(address), protocol, uid, ...(port === undefined ? {} : { port }) },
    generation: generation?.number ?? 0,
    isApplied: desired.resources.length > 0,
    system: os,
    declared: os === "darwin" ? asOfMac(declared) : declared,
    live: os === "darwin" ? asOfMac(live) : live,
    ...(device === undefined ? {} : { tunnel: { device, state: tunnelState(engine) } }),
    ...(proxy === undefined ? {} : { tunnel: { device: declared.path, state: proxyState(proxy.relay) } }),
    ...(accepted === undefined
      ? {}
      : { enforcement: driverRegistry.firewall.enforcement?.(policy, capabilities) ?? "enforced" }),
    programs,
    disagreements: [
      ...differences.disagreements,
      ...missourced(tunnels, {
        declared: lookUp(flow, leading).way,
        live: inspection === undefined ? lookUp(flow, routing).way : kernelRoute(flow, inspection).way,
      }),
    ],
    notes: [
      ...notes,
      ...sender.notes,
      ...differences.notes,
      ...unroutableNote({
        destination: renderIp(address),
        declared,
        tunnels: tunnels.map((tunnel) => tunnel.device),
        endpoints: os === "linux" ? endpointRoutes(flow, engine, routing) : [],
      }),
      ...unmodelledRules(routing).before,
      ...(accepted === undefined && desired.resources.length > 0 ? ["the applied config has no packet policy"] : []),
      ...(desired.resources.length > 0 ? [] : await unrecordedNote(parts)),
    ],
  };
}

/** The proxy whose path this is, with the state of its relay. */
async function readProxy(
  { relays }: Host,
  { resources }: DesiredState,
  path: string,
): Promise<{ relay?: RelayState } | undefined> {
  const spec = resources.find((one) => one.kind === "proxy" && deviceOfTunnel(one.spec.name) === path)?.spec as
    | ProxySpec
    | undefined;
  if (spec === undefined) return undefined;
  return (await relays?.readAll())?.find(({ number }) => number === spec.number) ?? {};
}

async function unrecordedNote(parts: HostParts): Promise<readonly string[]> {
  const { unrecorded } = await compareHost(parts);
  return unrecorded === undefined ? [] : [`${unrecordedText(unrecorded)}; see awg drift`];
}

/** The device by which an engine sends its own packets to each endpoint; on Linux their mark selects it. */
function endpointRoutes(flow: AskedFlow, engine: TunnelObserved | undefined, routing: KnownRouting) {
  return (engine?.peers ?? []).flatMap(({ endpoint = "" }) => {
    const address = parseIp(endpoint.replace(/:[0-9]+$/, "").replace(/^\[(.*)\]$/, "$1"));
    if (address === undefined) return [];
    const port = Number(endpoint.slice(endpoint.lastIndexOf(":") + 1));
    const { way } = lookUp({ ...flow, address, uid: 0, protocol: PROTOCOL.udp, port }, routing, ENGINE_MARK);
    return [{ address: renderIp(address), route: way }];
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
  return [`source address: declared that of ${declared}, the machine takes that of ${live}`];
}

function protocolFor({ port }: ExplainQuestion, { family }: IpAddress): number {
  if (port !== undefined) return PROTOCOL.tcp;
  return family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6;
}

/** The flow by a policy and a set of routes: for the declared side, and for the live side of a simulated host. */
function sideOfPolicy(flow: AskedFlow, policy: FirewallPolicy, routing: KnownRouting): ExplainedSide {
  const first = lookUp(flow, routing);
  const before = packetOf(flow, answerOf(first), flow.classMark);
  const mark = policy.layers.length === 0 ? flow.classMark : markAfterSteering(policy, before);
  const route = lookUp(flow, routing, mark);
  const packet = packetOf(flow, answerOf(route), mark);
  const said = judge(policy, packet);
  const device = packet.outDevice === RELAY_DEVICE ? RELAY_DEVICE : route.way;
  const isProxied = device === RELAY_DEVICE && isProxyMark(policy, mark);
  const { verdict, reason } =
    device === "(local)"
      ? { verdict: "accept" as const, reason: "S2.1 loopback" }
      : isProxied
        ? { verdict: "accept" as const, reason: "S5.7 to the relay of its proxy" }
        : said;
  return {
    path: pathName(policy, mark),
    reason: policy.layers.length === 0 ? "" : pathReason(policy, packet),
    mark,
    ...routeParts(route, routing),
    device,
    ...(leaves(device) || device === "(local)" || device === RELAY_DEVICE
      ? { verdict, verdictBy: [{ name: reason, verdict }] }
      : { verdict: "drop", verdictBy: [{ name: "no route", verdict: "drop" }] }),
  };
}

/**
 * The flow by the kernel's own rules and routes. The kernel names the device. Rule and route come from the observed
 * tables, and only if these lead to the same device.
 */
function sideOfKernel(flow: AskedFlow, inspection: Inspection, routing: KnownRouting): ExplainedSide {
  const first = kernelRoute(flow, inspection);
  const steered = inspection.tracePacket(pointOf(flow, first, flow.classMark));
  const { mark } = steered;
  const answer = kernelRoute(flow, inspection, mark);
  const way = answer.way;
  const isRelayed = outDeviceOf(way, flow.address, flow.links) === RELAY_DEVICE;
  const device = isRelayed ? RELAY_DEVICE : way;
  const route = lookUp(flow, routing, mark);
  const traced = leaves(device) ? inspection.tracePacket(pointOf(flow, answer, flow.classMark)) : undefined;
  const isLocal = device === "(local)" || (isRelayed && isProxyMark(flow.policy, mark));
  const isFollowed = route.way === way || (!leaves(route.way) && !leaves(way) && !isLocal);
  return {
    // Some packets are refused before any mark is set.
    path: pathOfMark(mark) === 0 && steered.verdict === "drop" ? "block" : pathName(flow.policy, mark),
    reason: traced?.rules.find(({ name }) => name.includes(" steer: "))?.name ?? "",
    mark,
    ...(isFollowed ? routeParts(route, routing) : {}),
    device,
    verdict: traced?.verdict ?? (isLocal ? "accept" : "drop"),
    verdictBy: traced?.rules ?? [{ name: isLocal ? "loopback" : "no route", verdict: isLocal ? "accept" : "drop" }],
  };
}

/** How the kernel routes a packet of the flow with this mark. */
function kernelRoute(flow: AskedFlow, inspection: Inspection, mark = flow.classMark): RouteAnswer {
  const { address, uid, protocol, port } = flow;
  const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
  const ports = port === undefined || !hasPorts ? {} : { ports: { protocol, source: SOURCE_PORT, destination: port } };
  return inspection.decideRoute({ destination: renderIp(address), mark, uid, ...ports });
}

function leaves(device: string): boolean {
  return !device.startsWith("(");
}

function routeParts({ rule, route }: FoundRoute, { isFlat }: KnownRouting) {
  return {
    ...(rule === undefined ? {} : { policyRule: policyRuleText(rule), table: rule.table }),
    ...(route === undefined ? {} : { route: isFlat === true ? routeTextOfMac(route) : routeText(route) }),
  };
}

function lookUp(flow: AskedFlow, routing: KnownRouting, mark = flow.classMark): FoundRoute {
  const { address, uid, protocol, port } = flow;
  const sourcePort = port === undefined ? {} : { port, sourcePort: SOURCE_PORT };
  return traceRoute(routing, { destination: address, mark, uid, protocol, ...sourcePort });
}

function answerOf(found: FoundRoute): RouteAnswer {
  return { way: found.way, byRouter: isByRouter(found) };
}
