import { AddressSet } from "./address-set.ts";
import { compileFlowPath, type FlowPath } from "./flow-path.ts";
import { compileGrants, type Grants } from "./grants.ts";
import { isForged, isRouterAdvert } from "./link-traffic.ts";
import { answerOf, flowOf, isRedirect, isTooBig, type Packet } from "./packet.ts";
import type { PathRef, PolicyLayer, PolicyTunnel } from "./policy.ts";

/** The verdict of one layer, or of the rules before the layers. */
export interface Finding {
  readonly verdict: "accept" | "drop";
  /** The rule's number and words, for people. */
  readonly reason: string;
}

/** A compiled layer. It judges packets that are not on loopback and that no rule of S2 has decided. */
export interface LayerJudge {
  output(packet: Packet): Finding;
  input(packet: Packet): Finding;
  forward(packet: Packet): Finding;
}

interface Compiled {
  readonly layer: PolicyLayer;
  /** Tunnel devices of all layers; such a device is never physical. */
  readonly tunnelDevices: ReadonlySet<string>;
  readonly tunnels: ReadonlyMap<string, { readonly tunnel: PolicyTunnel; readonly addresses: AddressSet }>;
  readonly pathOf: ReturnType<typeof compileFlowPath>;
  readonly grants: Grants;
}

const accept = (reason: string): Finding => ({ verdict: "accept", reason });
const drop = (reason: string): Finding => ({ verdict: "drop", reason });

/**
 * Compiles one layer (chapters S3 to S8).
 *
 * @param tunnelDevices devices of the tunnels of all layers of the policy
 */
export function compileLayer(layer: PolicyLayer, tunnelDevices: ReadonlySet<string>): LayerJudge {
  const compiled: Compiled = {
    layer,
    tunnelDevices,
    tunnels: new Map(
      layer.tunnels.map((tunnel) => [tunnel.device, { tunnel, addresses: new AddressSet(tunnel.addresses) }]),
    ),
    pathOf: compileFlowPath(layer.flows, layer),
    grants: compileGrants(layer),
  };
  if (!layer.killSwitch) {
    return {
      output: (packet) => judgeOwn(compiled, packet) ?? judgeUnprotected(compiled, packet),
      input: () => accept("S8.2 the kill switch is off"),
      forward: (packet) => judgeUnprotected(compiled, packet),
    };
  }
  return {
    output: (packet) => judgeOutput(compiled, packet),
    input: (packet) => judgeInput(compiled, packet),
    forward: (packet) => judgeForward(compiled, packet),
  };
}

/** S3.1–S3.3: grants of awg's own sockets on physical devices, regardless of the flow's path (S8.3). */
function judgeOwn(compiled: Compiled, packet: Packet): Finding | undefined {
  if (compiled.tunnelDevices.has(packet.outDevice ?? "")) return undefined;
  const own = compiled.grants.ownOut(packet);
  return own === undefined ? undefined : accept(own);
}

/** S8.1: without the kill switch only blocked paths and protected DNS hold. */
function judgeUnprotected(compiled: Compiled, packet: Packet): Finding {
  const found = compiled.pathOf(flowOf(packet, compiled.tunnelDevices));
  if (found.path.kind === "block") return drop(found.reason);
  return found.isDeclaredDns ? judgePath(compiled, found, packet) : accept("S8.1 the kill switch is off");
}

function judgeOutput(compiled: Compiled, packet: Packet): Finding {
  const device = packet.outDevice ?? "";
  const tunnel = compiled.tunnels.get(device);
  if (tunnel !== undefined && packet.reply === true && tunnel.addresses.has(packet.source)) {
    return accept("S5.2 answer to a flow from this tunnel");
  }
  const own = judgeOwn(compiled, packet);
  if (own !== undefined) return own;
  if (!compiled.tunnelDevices.has(device) && compiled.grants.allowInAnswer(packet)) {
    return accept("S3.4 answer of a stated exception");
  }
  return judgePath(compiled, compiled.pathOf(flowOf(packet, compiled.tunnelDevices)), packet);
}

/** S5.1 and S5.3: a packet may leave only by the device of its path. */
function judgePath(compiled: Compiled, { path, reason }: FlowPath, packet: Packet): Finding {
  const device = packet.outDevice ?? "";
  if (path.kind === "block") return drop(reason);
  if (path.kind === "direct") {
    return compiled.tunnelDevices.has(device) ? drop(`S5.1 ${device} is not its path`) : accept(`S5.3 ${reason}`);
  }
  const carries = compiled.tunnels.get(path.device)?.tunnel.families.includes(packet.destination.family) ?? false;
  return device === path.device && carries ? accept(`S5.1 ${reason}`) : drop(`S5.4 its path is ${describe(path)}`);
}

function describe(path: PathRef): string {
  return path.kind === "tunnel" ? path.device : path.kind;
}

function judgeInput(compiled: Compiled, packet: Packet): Finding {
  const device = packet.inDevice ?? "";
  const isByTunnel = compiled.tunnelDevices.has(device);
  if (!isByTunnel && isForged(packet)) return drop("S6.8 its sender is behind another device");
  if (isRedirect(packet) || (isByTunnel && isRouterAdvert(packet))) {
    return drop("S6.7 ICMP redirect or router advertisement");
  }
  if (isByTunnel) {
    const own = compiled.tunnels.get(device)?.addresses.has(packet.destination) ?? false;
    return own ? accept("S6.1 to the tunnel's own address") : drop("S6.1 not to the tunnel's own address");
  }
  const own = compiled.grants.ownIn(packet);
  if (own !== undefined) return accept(own);
  if (compiled.grants.allowIn(packet)) return accept("S3.4 stated exception");
  if (packet.reply === true) return accept("S6.2 answer");
  if (packet.related === true && isTooBig(packet)) return accept("S6.5 a packet of a known flow did not fit");
  const answer = compiled.pathOf(answerOf(packet));
  return answer.path.kind === "direct" ? accept(`S6.3 ${answer.reason}`) : drop("S6.4 no rule lets it in");
}

function judgeForward(compiled: Compiled, packet: Packet): Finding {
  const toTunnel = compiled.tunnelDevices.has(packet.outDevice ?? "");
  const device = packet.inDevice ?? "";
  if (compiled.tunnelDevices.has(device)) {
    return packet.reply === true && !toTunnel && compiled.tunnels.has(device)
      ? accept("S7.2 answer to a guest")
      : drop("S7.2 a tunnel opens no flow");
  }
  if (compiled.layer.flows.default.kind !== "direct") {
    if (isForged(packet)) return drop("S7.4 its sender is behind another device");
    if (!toTunnel) return drop("S7.3 guests use tunnels only");
  }
  return judgePath(compiled, compiled.pathOf(flowOf(packet, compiled.tunnelDevices)), packet);
}
