import { classOfMark, ENGINE_MARK, MARK_MASK, markOfClass, markOfPath, PATH_NUMBERS } from "../ownership.ts";
import { asksUnclassified } from "../program/class-rules.ts";
import { AddressSet } from "./address-set.ts";
import { compileFlowPath, type FlowPath } from "./flow-path.ts";
import { compileGrants, RELAY_GRANT } from "./grants.ts";
import { compileLayer, type LayerJudge } from "./layer-judge.ts";
import { isLinkScoped, linkTrafficIn, linkTrafficOut } from "./link-traffic.ts";
import { flowOf, isRestMissing, LOOPBACK_DEVICE, ownMark, type Packet, programClassOf } from "./packet.ts";
import { engineUids, type FirewallPolicy, type PathRef, type PolicyLayer, type PolicyTunnel } from "./policy.ts";

/** The verdict on a packet. */
export interface Judgement {
  readonly verdict: "accept" | "drop";
  /** The rule's number and words, for people; no code may branch on it. */
  readonly reason: string;
  /** For packets that this host sends: the path that steering chooses. */
  readonly path?: PathRef;
}

interface CompiledPolicy {
  readonly tunnels: readonly { readonly tunnel: PolicyTunnel; readonly addresses: AddressSet }[];
  readonly tunnelDevices: ReadonlySet<string>;
  readonly tunnelAddresses: AddressSet;
  /** Whether a rule is for programs without a class. */
  readonly asksUnclassified: boolean;
  /** Whether a layer has the kill switch. */
  readonly isGuarded: boolean;
  readonly layers: readonly LayerJudge[];
  /** awg's own sockets, which steering leaves alone or sends directly (S3.1–S3.3, S4.8). */
  readonly isOwn: (packet: Packet) => boolean;
  /** A relay to its proxy, which steering marks as an engine (S3.5). */
  readonly isRelay: (packet: Packet) => boolean;
  readonly steerFlow: (flow: ReturnType<typeof flowOf>) => FlowPath;
}

const DIRECT: PathRef = { kind: "direct" };
const compiledPolicies = new WeakMap<FirewallPolicy, CompiledPolicy>();

/**
 * Judges one packet by the policy. This is the meaning of the rules in docs/reference/security-rules.md: nftables and PF must
 * do the same, and the simulated host calls it. For `output` the out device is the one after steering and routing.
 */
export function judge(policy: FirewallPolicy, packet: Packet): Judgement {
  const compiled = compilePolicy(policy);
  const finding = judgeBeforeLayers(compiled, packet) ?? judgeLayers(compiled, packet);
  return packet.hook === "output" ? { ...finding, path: steer(policy, packet) } : finding;
}

/** The path that steering gives a packet of this host (S4); it decides the mark and so the route. */
export function steer(policy: FirewallPolicy, packet: Packet): PathRef {
  const compiled = compilePolicy(policy);
  if (linkTrafficOut(packet) !== undefined) return DIRECT;
  if (compiled.isOwn(packet)) return DIRECT;
  if (packet.reply === true) {
    const tunnel = compiled.tunnels.find(({ addresses }) => addresses.has(packet.source))?.tunnel;
    return tunnel === undefined ? DIRECT : { kind: "tunnel", device: tunnel.device, number: tunnel.number };
  }
  return compiled.steerFlow(flowOf(packet, compiled.tunnelDevices)).path;
}

/**
 * The mark of a packet after steering. Foreign bits stay; awg's bits name the path. Packets on loopback and of awg's engines
 * keep their mark. DHCP, NDP and direct packets to link-scoped destinations carry none, so that they are not rerouted (S4.8).
 */
export function markAfterSteering(policy: FirewallPolicy, packet: Packet): number {
  if (packet.outDevice === LOOPBACK_DEVICE) return packet.mark ?? 0;
  const mark = withClass(policy, packet);
  const foreign = (mark & ~MARK_MASK) >>> 0;
  if (linkTrafficOut(packet) !== undefined) return foreign;
  const compiled = compilePolicy(policy);
  if (compiled.isRelay(packet)) return (foreign | ENGINE_MARK) >>> 0;
  if (isEngine(policy.layers.at(-1), packet)) return mark;
  const path = steer(policy, packet);
  if (path.kind === "direct" && isLinkScoped(packet)) return foreign;
  return (foreign | markOfPath(path.kind === "tunnel" ? path.number : PATH_NUMBERS[path.kind])) >>> 0;
}

/** The packet's mark with the class of a socket without one, or of none, where rules ask for it (S4.13). */
function withClass(policy: FirewallPolicy, packet: Packet): number {
  const { mark = 0 } = packet;
  const number = programClassOf(packet);
  const isBare = classOfMark(mark) === 0 && number !== undefined;
  return isBare && compilePolicy(policy).asksUnclassified ? (mark | markOfClass(number)) >>> 0 : mark;
}

/** Whether the packet is of awg's engines: by uid and engine mark. */
function isEngine(layer: PolicyLayer | undefined, packet: Packet): boolean {
  if (layer === undefined || packet.uid === undefined) return false;
  return engineUids(layer).includes(packet.uid) && ownMark(packet) === ENGINE_MARK;
}

/** S2: the rules of every policy. */
function judgeBeforeLayers(compiled: CompiledPolicy, packet: Packet): Judgement | undefined {
  const inPhysical = packet.inDevice !== undefined && !compiled.tunnelDevices.has(packet.inDevice);
  const outPhysical = packet.outDevice !== undefined && !compiled.tunnelDevices.has(packet.outDevice);
  if (packet.hook === "output" && packet.outDevice === LOOPBACK_DEVICE) return judgeOverLoopback(packet);
  if (packet.hook === "input" && packet.inDevice === LOOPBACK_DEVICE) return accept("S2.1 loopback");
  if (outPhysical && compiled.tunnelAddresses.has(packet.source)) return drop("S2.2 source is a tunnel's address");
  if (packet.hook === "input" && inPhysical && compiled.tunnelAddresses.has(packet.destination)) {
    return drop("S2.3 a tunnel's address is reached only through the tunnel");
  }
  if (packet.hook !== "output" && inPhysical && compiled.tunnelAddresses.has(packet.source)) {
    return drop("S2.3 sender claims a tunnel's address");
  }
  if (outPhysical && compiled.isGuarded && isRestMissing(packet)) return drop("S5.5 error about missing fragments");
  const link =
    packet.hook === "output" && outPhysical
      ? linkTrafficOut(packet)
      : packet.hook === "input" && inPhysical
        ? linkTrafficIn(packet)
        : undefined;
  return link === undefined ? undefined : accept(link);
}

/** Any program may send by IPv6 from a foreign address; by IPv4 it takes privileges. */
function judgeOverLoopback({ stranger, source }: Packet): Judgement {
  return stranger === true && source.family === 6 ? drop("S2.1 source of another host") : accept("S2.1 loopback");
}

/** S1.2: every layer must accept. */
function judgeLayers(compiled: CompiledPolicy, packet: Packet): Judgement {
  let last: Judgement = accept("S1.2 no layer matches");
  for (const layer of compiled.layers) {
    last = layer[packet.hook](packet);
    if (last.verdict === "drop") return last;
  }
  return last;
}

function accept(reason: string): Judgement {
  return { verdict: "accept", reason };
}

function drop(reason: string): Judgement {
  return { verdict: "drop", reason };
}

function compilePolicy(policy: FirewallPolicy): CompiledPolicy {
  const known = compiledPolicies.get(policy);
  if (known !== undefined) return known;
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const tunnelDevices = new Set(tunnels.map((tunnel) => tunnel.device));
  const last = policy.layers.at(-1);
  const grants = last === undefined ? undefined : compileGrants(last);
  const compiled: CompiledPolicy = {
    tunnels: (last?.tunnels ?? []).map((tunnel) => ({ tunnel, addresses: new AddressSet(tunnel.addresses) })),
    tunnelDevices,
    tunnelAddresses: new AddressSet(tunnels.flatMap((tunnel) => tunnel.addresses)),
    asksUnclassified: asksUnclassified(policy),
    isGuarded: policy.layers.some(({ killSwitch }) => killSwitch),
    layers: policy.layers.map((layer) => compileLayer(layer, tunnelDevices)),
    isOwn: (packet) => isEngine(last, packet) || grants?.ownOut(packet) !== undefined,
    isRelay: (packet) => grants?.ownOut(packet) === RELAY_GRANT,
    steerFlow: compileFlowPath(policy.steering, last ?? { dns: null, allow: [], allowLan: false }),
  };
  compiledPolicies.set(policy, compiled);
  return compiled;
}
