import type { Inspection, RouteAnswer } from "../../host/ports/inspection.ts";
import { judge, markAfterSteering } from "../../model/firewall/evaluate.ts";
import { withFallback } from "../../model/firewall/fallback.ts";
import { compileFlowPath } from "../../model/firewall/flow-path.ts";
import { flowOf, type Packet, PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { type IpAddress, parseIp, renderIp } from "../../model/ip.ts";
import { ENGINE_MARK, PATH_NUMBERS, pathOfMark } from "../../model/ownership.ts";
import type { LinkObserved } from "../../model/resources/link.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { USUAL_LENGTH } from "../../verify/finding.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { type FoundRoute, isByRouter, sourceOf, traceRoute } from "../../verify/routing/trace-route.ts";
import type { HeaderPoint } from "../../verify/space/header-point.ts";
import type { HostParts } from "../parts.ts";
import { compareHost, unrecordedText } from "../status/compare-host.ts";
import { readStateInForce } from "../status/state-in-force.ts";
import { readPolicyContext } from "../verify/declared-context.ts";
import { unmodelledRules } from "../verify/unmodelled-rules.ts";
import { policyIn } from "../verify/verify-machine.ts";
import { declaredRouting, withoutRulesBefore } from "./declared-routing.ts";
import { differencesOf } from "./differences.ts";
import type { ExplainedSide, Explanation } from "./explanation.ts";
import { type ExplainQuestion, readQuestion } from "./question.ts";
import { policyRuleText, routeText, routeTextOfMac, tunnelState } from "./texts.ts";
import { unroutableNote } from "./unroutable-note.ts";

/** Any port that a program may have been given. */
const SOURCE_PORT = 40_000;
const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** One flow in numbers, with the links and the policy that both sides use. */
interface Flow {
  readonly address: IpAddress;
  readonly uid: number;
  readonly protocol: number;
  readonly port?: number;
  readonly links: readonly LinkObserved[];
  readonly policy: FirewallPolicy;
}

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
  const flow: Flow = { address, uid, protocol, ...(port === undefined ? {} : { port }), links, policy };
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const ours = declaredRouting(desired, routing, observed.fallback ?? []);
  const declaredByRoutes = sideOfPolicy(flow, policy, ours);
  // The host itself routes direct flows. For a tunneled flow no policy rule of another program may come first.
  const isTunneled = tunnels.some((tunnel) => tunnel.device === declaredByRoutes.path);
  const leading = isTunneled ? withoutRulesBefore(ours) : ours;
  const declared = isTunneled ? sideOfPolicy(flow, policy, leading) : declaredByRoutes;
  const inspection = await parts.inspection?.();
  const live =
    inspection === undefined
      ? sideOfPolicy(flow, observed.policy ?? NO_POLICY, routing)
      : sideOfKernel(flow, inspection, routing);
  const { capabilities, os } = await host.facts.read({ users: [], hosts: [] });
  const device = tunnels.find((tunnel) => tunnel.device === declared.path)?.device;
  const engine = device === undefined ? undefined : await host.engines.read(device);
  const differences = differencesOf(declared, live, os);
  return {
    flow: { destination: renderIp(address), protocol, uid, ...(port === undefined ? {} : { port }) },
    generation: generation?.number ?? 0,
    isApplied: desired.resources.length > 0,
    system: os,
    declared: os === "darwin" ? asOfMac(declared) : declared,
    live: os === "darwin" ? asOfMac(live) : live,
    ...(device === undefined ? {} : { tunnel: { device, state: tunnelState(engine) } }),
    ...(accepted === undefined
      ? {}
      : { enforcement: driverRegistry.firewall.enforcement?.(policy, capabilities) ?? "enforced" }),
    programs,
    disagreements: [
      ...differences.disagreements,
      ...missourced(tunnels, {
        declared: lookUp(flow, leading, 0).way,
        live: inspection === undefined ? lookUp(flow, routing, 0).way : kernelRoute(flow, inspection, 0).way,
      }),
    ],
    notes: [
      ...notes,
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

async function unrecordedNote(parts: HostParts): Promise<readonly string[]> {
  const { unrecorded } = await compareHost(parts);
  return unrecorded === undefined ? [] : [`${unrecordedText(unrecorded)}; see awg drift`];
}

/** The device by which an engine sends its own packets to each endpoint; on Linux their mark selects it. */
function endpointRoutes(flow: Flow, engine: TunnelObserved | undefined, routing: KnownRouting) {
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

/** macOS has neither policy rules nor marks: routes lead by the destination alone, and PF refuses what goes astray. */
function asOfMac({ policyRule: _rule, table: _table, verdictBy, ...side }: ExplainedSide): ExplainedSide {
  const isPf = (name: string) => name !== "no route" && side.device !== "(local)";
  return {
    ...side,
    mark: 0,
    verdictBy: verdictBy.map(({ name, verdict }) => ({
      name: isPf(name) ? `anchor com.awg: ${name}` : name,
      verdict,
    })),
  };
}

function protocolFor({ port }: ExplainQuestion, { family }: IpAddress): number {
  if (port !== undefined) return PROTOCOL.tcp;
  return family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6;
}

/** The flow by a policy and a set of routes: for the declared side, and for the live side of a simulated host. */
function sideOfPolicy(flow: Flow, policy: FirewallPolicy, routing: KnownRouting): ExplainedSide {
  const first = lookUp(flow, routing, 0);
  const before = packetOf(flow, answerOf(first), 0);
  const mark = policy.layers.length === 0 ? 0 : markAfterSteering(policy, before);
  const route = lookUp(flow, routing, mark);
  const packet = packetOf(flow, answerOf(route), mark);
  const said = judge(policy, packet);
  const { verdict, reason } = route.way === "(local)" ? { verdict: "accept" as const, reason: "S2.1 loopback" } : said;
  return {
    path: pathName(policy, mark),
    reason: policy.layers.length === 0 ? "" : pathReason(policy, packet),
    mark,
    ...routeParts(route, routing),
    device: route.way,
    ...(leaves(route.way) || route.way === "(local)"
      ? { verdict, verdictBy: [{ name: reason, verdict }] }
      : { verdict: "drop", verdictBy: [{ name: "no route", verdict: "drop" }] }),
  };
}

/**
 * The flow by the kernel's own rules and routes. The kernel names the device. Rule and route come from the observed
 * tables, and only if these lead to the same device.
 */
function sideOfKernel(flow: Flow, inspection: Inspection, routing: KnownRouting): ExplainedSide {
  const first = kernelRoute(flow, inspection, 0);
  const steered = inspection.tracePacket(pointOf(flow, first, 0));
  const { mark } = steered;
  const answer = kernelRoute(flow, inspection, mark);
  const device = answer.way;
  const route = lookUp(flow, routing, mark);
  const traced = leaves(device) ? inspection.tracePacket(pointOf(flow, answer, 0)) : undefined;
  const isLocal = device === "(local)";
  const isFollowed = route.way === device || (!leaves(route.way) && !leaves(device) && !isLocal);
  return {
    // Some packets are refused before any mark is set.
    path: mark === 0 && steered.verdict === "drop" ? "block" : pathName(flow.policy, mark),
    reason: traced?.rules.find(({ name }) => name.includes(" steer: "))?.name ?? "",
    mark,
    ...(isFollowed ? routeParts(route, routing) : {}),
    device,
    verdict: traced?.verdict ?? (isLocal ? "accept" : "drop"),
    verdictBy: traced?.rules ?? [{ name: isLocal ? "loopback" : "no route", verdict: isLocal ? "accept" : "drop" }],
  };
}

/** How the kernel routes a packet of the flow with this mark. */
function kernelRoute({ address, uid, protocol, port }: Flow, inspection: Inspection, mark: number): RouteAnswer {
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

function lookUp({ address, uid, protocol, port }: Flow, routing: KnownRouting, mark: number): FoundRoute {
  const sourcePort = port === undefined ? {} : { port, sourcePort: SOURCE_PORT };
  return traceRoute(routing, { destination: address, mark, uid, protocol, ...sourcePort });
}

function answerOf(found: FoundRoute): RouteAnswer {
  return { way: found.way, byRouter: isByRouter(found) };
}

function packetOf({ address, uid, protocol, port, links }: Flow, { way, byRouter }: RouteAnswer, mark: number): Packet {
  return {
    hook: "output",
    source: sourceAt(links, way, address),
    destination: address,
    protocol,
    outDevice: way === "(local)" ? "lo" : way,
    byRouter,
    uid,
    mark,
    ...(port === undefined ? {} : { sourcePort: SOURCE_PORT, destinationPort: port }),
    ...(protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6 ? { icmpType: echoType(protocol) } : {}),
  };
}

function pointOf(
  { address, uid, protocol, port, links }: Flow,
  { way, byRouter }: RouteAnswer,
  mark: number,
): HeaderPoint {
  const isIcmp = protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6;
  return {
    in: "",
    out: way === "(local)" ? "lo" : way,
    hop: byRouter ? "router" : "destination",
    tracking: "new",
    fragment: "whole",
    user: uid,
    mark,
    protocol,
    length: USUAL_LENGTH,
    hops: 64,
    word0: isIcmp ? echoType(protocol) << 8 : SOURCE_PORT,
    word2: port ?? 0,
    destination: address,
    source: sourceAt(links, way, address),
  };
}

/** Echo requests (RFC 792, RFC 4443 section 4.1). */
function echoType(protocol: number): number {
  return protocol === PROTOCOL.icmp ? 8 : 128;
}

function sourceAt(links: readonly LinkObserved[], device: string, destination: IpAddress): IpAddress {
  const addresses = links.find((link) => link.device === device)?.addresses ?? [];
  return sourceOf(addresses, destination) ?? { family: destination.family, value: 0n };
}

function pathName(policy: FirewallPolicy, mark: number): string {
  const number = pathOfMark(mark);
  if (number === PATH_NUMBERS.direct) return "direct";
  if (number === PATH_NUMBERS.block) return "block";
  if (number === PATH_NUMBERS.engine) return "our own engine";
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  return tunnels.find((tunnel) => tunnel.number === number)?.device ?? unnamed(policy, number);
}

function unnamed({ layers }: FirewallPolicy, number: number): string {
  if (number !== 0) return `path ${number}`;
  return layers.length === 0 ? "(no packet policy)" : "(unmarked)";
}

function pathReason(policy: FirewallPolicy, packet: Packet): string {
  const layer = policy.layers.at(-1) ?? { dns: null, allow: [], allowLan: false };
  const tunnels = policy.layers.flatMap((one) => one.tunnels.map(({ device }) => device));
  return compileFlowPath(policy.steering, layer)(flowOf(packet, new Set(tunnels))).reason;
}
