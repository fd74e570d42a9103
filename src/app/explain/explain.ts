import type { Host } from "../../host/ports/host.ts";
import type { Inspection } from "../../host/ports/inspection.ts";
import { withFallback } from "../../model/firewall/fallback.ts";
import { PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { type IpAddress, parseIp, renderIp } from "../../model/ip.ts";
import { deviceOfTunnel, ENGINE_MARK, markOfClass } from "../../model/ownership.ts";
import type { ProxySpec } from "../../model/relay/proxy.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import type { HostParts } from "../parts.ts";
import type { ProgramLine } from "../programs/program-report.ts";
import { compareHost, unrecordedText } from "../status/compare-host.ts";
import { readStateInForce } from "../status/state-in-force.ts";
import { readPolicyContext } from "../verify/declared-context.ts";
import { unmodelledRules } from "../verify/unmodelled-rules.ts";
import { policyIn } from "../verify/verify-machine.ts";
import { declaredRouting, withoutRulesBefore } from "./declared-routing.ts";
import { differencesOf } from "./differences.ts";
import { dnsOf } from "./dns-path.ts";
import { firstPacket, kernelRoute, leaves, lookUp, sideOfKernel, sideOfPolicy } from "./explained-sides.ts";
import type { ExplainedSide, Explanation } from "./explanation.ts";
import { fallbackOf } from "./fallback-state.ts";
import type { AskedFlow } from "./flow-packet.ts";
import { nameSetsOfFlow } from "./name-sets.ts";
import { flowPathOf } from "./path-name.ts";
import { type ExplainQuestion, readQuestion } from "./question.ts";
import { type NamedClass, readSocketClasses } from "./socket-class.ts";
import { asOfMac, proxyState, tunnelState } from "./texts.ts";
import { unroutableNote } from "./unroutable-note.ts";

const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** Explains one flow from the accepted state and from the kernel, and where the two differ. Reads only. */
export async function explainFlow(parts: HostParts, question: ExplainQuestion): Promise<Explanation> {
  parts.requireRights?.();
  const { host } = parts;
  const { address, uid, programs, notes } = await readQuestion(parts, question);
  const { generation, desired } = await readStateInForce(parts);
  const { resources } = desired;
  const observed = await host.firewall.read();
  const accepted = policyIn(desired);
  const policy = withFallback(accepted ?? NO_POLICY, observed.fallback ?? []);
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const { routing } = await readPolicyContext(parts);
  const protocol = question.protocol ?? protocolFor(question, address);
  const hasPort = question.port !== undefined && PORTED_PROTOCOLS.includes(protocol);
  const port = hasPort ? { port: question.port } : {};
  const links = await host.links.read();
  const inspection = await parts.inspection?.();
  const sets = nameSetsOfFlow(question.destination, address, desired, inspection);
  const named = { programs: programs.map(({ program }) => program), uid };
  const classes = await readSocketClasses(parts, resources, named);
  const markOf = (side: NamedClass | undefined) => ({ classMark: markOfClass(side?.number ?? 0) });
  const asked = { address, uid, protocol, ...port, links, policy, sets };
  const flow: AskedFlow = { ...asked, ...markOf(classes.declared) };
  const ours = declaredRouting(desired, routing, observed.fallback ?? []);
  const { side: declared, leading } = declaredSide(flow, policy, ours);
  const live = liveSide({ ...asked, ...markOf(classes.live) }, observed.policy ?? NO_POLICY, routing, inspection);
  const { capabilities, os } = await host.facts.read({ users: [], hosts: [] });
  const device = tunnels.find((tunnel) => tunnel.device === declared.path)?.device;
  const engine = device === undefined ? undefined : await host.engines.read(device);
  const differences = differencesOf(declared, live.side, os);
  const dns = dnsOf(flow, resources, policy, ours);
  const shown = (side: ExplainedSide, socketClass: NamedClass | undefined): ExplainedSide => ({
    ...(os === "darwin" ? asOfMac(side) : side),
    ...(socketClass === undefined ? {} : { socketClass }),
  });
  return {
    flow: { destination: renderIp(address), protocol, uid, ...port },
    generation: generation?.number ?? 0,
    isApplied: resources.length > 0,
    system: os,
    declared: shown(declared, classes.declared),
    live: shown(live.side, classes.live),
    ...tunnelOf(desired, device, engine),
    ...(await proxyOf(host, desired, declared.path)),
    ...(accepted === undefined
      ? {}
      : {
          enforcement: driverRegistry.firewall.enforcement?.(policy, capabilities) ?? "enforced",
          ...acceptedPath(accepted, policy, firstPacket(flow, ours), resources),
        }),
    ...(dns === undefined ? {} : { dns }),
    programs: programs.map((line, index) => withClass(line, classes.numbers[index])),
    disagreements: [
      ...classes.disagreements,
      ...differences.disagreements,
      ...missourced(tunnels, { declared: lookUp(flow, leading).leadsTo, live: live.leadsTo }),
    ],
    notes: [
      ...notes,
      ...classes.notes,
      ...differences.notes,
      ...unroutableNote({
        destination: renderIp(address),
        declared,
        tunnels: tunnels.map((tunnel) => tunnel.device),
        endpoints: os === "linux" ? endpointRoutes(flow, engine, routing) : [],
      }),
      ...unmodelledRules(routing).before,
      ...(accepted === undefined && resources.length > 0 ? ["the applied config has no packet policy"] : []),
      ...(resources.length > 0 ? [] : await unrecordedNote(parts)),
    ],
  };
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

function withClass(line: ProgramLine, number: number | undefined): ProgramLine {
  return number === undefined ? line : { ...line, class: number };
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

function protocolFor({ port }: ExplainQuestion, { family }: IpAddress): number {
  if (port !== undefined) return PROTOCOL.tcp;
  return family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6;
}
