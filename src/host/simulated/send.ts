import { judge, markAfterSteering } from "../../model/firewall/evaluate.ts";
import { withFallback } from "../../model/firewall/fallback.ts";
import { isLinkScoped } from "../../model/firewall/link-traffic.ts";
import type { Packet } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, PathSwitch } from "../../model/firewall/policy.ts";
import { type IpAddress, renderIp } from "../../model/ip.ts";
import { classOfMark, ENGINE_MARK, markOfClass } from "../../model/ownership.ts";
import { classOfUser } from "../../model/program/program-class.ts";
import type { LiveMachine } from "./live-machine.ts";
import { addressOf, covers } from "./memo.ts";
import { chooseSource, isLocalAddress, lookUpRoute, type RouteAnswer, type RouteQuery } from "./routing.ts";

/** A packet from a local process, or an arriving one. */
export interface SimulatedPacket {
  readonly destination: string;
  /** Chosen by the host when absent. */
  readonly source?: string;
  /** IP protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly hopLimit?: number;
  readonly laterFragment?: boolean;
  readonly uid?: number;
  /** SO_MARK, foreign bits included. */
  readonly mark?: number;
  /** SO_BINDTODEVICE. */
  readonly boundDevice?: string;
  /** The peer opened the flow. */
  readonly reply?: boolean;
}

/** The outcome of a packet. */
export type SendOutcome =
  | {
      readonly kind: "leaves";
      readonly device: string;
      /** Whether the packet is visible on a physical network. */
      readonly physical: boolean;
      readonly source: string;
      readonly mark: number;
      /** Absent if the packet goes straight to its destination. */
      readonly gateway?: string;
    }
  | { readonly kind: "local" }
  | {
      readonly kind: "dropped";
      readonly by: "route" | "steering" | "firewall" | "foreign table" | "device" | "engine";
      readonly reason: string;
    };

/**
 * Sends a packet as Linux does. The first route lookup uses the socket's mark and fixes the source address; without a
 * route the send fails, whatever steering would do. Then steering marks the flow and the packet is routed again. Then
 * the filter judges it by its output device, and the device must transmit it.
 */
export function sendPacket(machine: LiveMachine, packet: SimulatedPacket): SendOutcome {
  const destination = addressOf(packet.destination);
  const mark = markOf(machine, packet);
  const query: RouteQuery = {
    destination,
    source: packet.source === undefined ? undefined : addressOf(packet.source),
    mark,
    uid: packet.uid ?? 0,
    protocol: packet.protocol,
    port: packet.destinationPort,
    sourcePort: packet.sourcePort,
    boundDevice: packet.boundDevice,
  };
  const first = lookUpRoute(machine, query);
  if (first.kind === "local") return { kind: "local" };
  if (first.kind === "unreachable") return { kind: "dropped", by: "route", reason: first.why };
  const source = query.source ?? chooseSource(machine, first.device, destination);
  if (source === undefined) return { kind: "dropped", by: "route", reason: "no source address of this family" };
  const marked = steerMark(machine, { packet, destination, source, mark }, first);
  const route = marked === mark ? first : lookUpRoute(machine, { ...query, source, mark: marked });
  return leave(machine, { packet, destination, source, mark: marked }, route);
}

/**
 * On Linux with the class of the user's sockets. macOS has no marks: our sockets are identified by the service user alone
 * (rule S13.1).
 */
function markOf(
  { live: { os, serviceUid, classifiers } }: LiveMachine,
  { mark = 0, uid = 0 }: SimulatedPacket,
): number {
  if (os === "darwin") return uid === serviceUid ? ENGINE_MARK : 0;
  const spec = classifiers[0]?.spec;
  if (spec === undefined || classOfMark(mark) !== 0) return mark;
  return (mark | markOfClass(classOfUser(spec, uid) ?? 0)) >>> 0;
}

/** The outcome of a packet that arrives on a device: delivered or dropped; a host does not forward. */
export function receivePacket(machine: LiveMachine, device: string, packet: SimulatedPacket): SendOutcome {
  const destination = addressOf(packet.destination);
  const source = packet.source === undefined ? undefined : addressOf(packet.source);
  if (source === undefined) return { kind: "dropped", by: "route", reason: "an arriving packet needs a source" };
  if (machine.link(device)?.up !== true) return { kind: "dropped", by: "device", reason: `${device} is down` };
  if (!isLocalAddress(machine, destination) && !isLinkScoped({ destination })) {
    return { kind: "dropped", by: "route", reason: "not for this host" };
  }
  const policy = policyInForce(machine);
  if (policy === undefined) return { kind: "local" };
  const seen = filterView({ packet, destination, source, mark: packet.mark ?? 0 });
  const finding = judge(policy, { ...seen, hook: "input", inDevice: device });
  return finding.verdict === "accept" ? { kind: "local" } : { kind: "dropped", by: "firewall", reason: finding.reason };
}

/** The switches of paths in force. */
export function fallbackNow({ live: { firewall, nowMs } }: LiveMachine): readonly PathSwitch[] {
  const { fallback } = firewall;
  return fallback === undefined || fallback.untilMs <= nowMs ? [] : fallback.switches;
}

/**
 * The policy that the filter enforces; undefined where none or a damaged one is loaded, or the filter has no effect.
 */
function policyInForce(machine: LiveMachine): FirewallPolicy | undefined {
  const { policy, damage, isDisregarded } = machine.live.firewall;
  return policy === null || damage.length > 0 || isDisregarded === true
    ? undefined
    : withFallback(policy, fallbackNow(machine));
}

interface Underway {
  readonly packet: SimulatedPacket;
  readonly destination: IpAddress;
  readonly source: IpAddress;
  readonly mark: number;
}

function leave(machine: LiveMachine, underway: Underway, route: RouteAnswer): SendOutcome {
  if (route.kind === "local") return { kind: "local" };
  if (route.kind === "unreachable") return { kind: "dropped", by: "route", reason: route.why };
  const policy = policyInForce(machine);
  if (policy !== undefined) {
    const finding = judge(policy, { ...filterView(underway), hook: "output", ...hopOf(route) });
    if (finding.verdict === "drop") return { kind: "dropped", by: "firewall", reason: finding.reason };
  }
  const foreign = machine.live.foreignTables.find((table) => table.drops.some((p) => covers(p, underway.destination)));
  if (foreign !== undefined) return { kind: "dropped", by: "foreign table", reason: foreign.name };
  return carry(machine, underway, route);
}

function carry(
  machine: LiveMachine,
  { destination, source, mark }: Underway,
  { device, gateway }: DeviceRoute,
): SendOutcome {
  const link = machine.link(device);
  if (link?.up !== true) return { kind: "dropped", by: "device", reason: `${device} is down` };
  if (link.medium === "loopback") return { kind: "local" };
  const physical = link.medium === "physical";
  if (!physical) {
    if (link.type === "tun" && !link.held) return { kind: "dropped", by: "device", reason: `${device} has no carrier` };
    const engine = machine.live.engines.find((candidate) => candidate.device === device);
    const peer = engine?.peers.find(({ allowedIPs }) => allowedIPs.some((prefix) => covers(prefix, destination)));
    if (peer === undefined)
      return { kind: "dropped", by: "engine", reason: `no peer of ${device} has an allowed IP for it` };
  }
  const by = gateway === undefined ? {} : { gateway };
  return { kind: "leaves", device, physical, source: renderIp(source), mark, ...by };
}

/** The packet's mark after the steering chain, which sees the device of the first lookup. */
function steerMark(machine: LiveMachine, underway: Underway, first: DeviceRoute): number {
  const policy = policyInForce(machine);
  if (policy === undefined) return underway.mark;
  return markAfterSteering(policy, { ...filterView(underway), hook: "output", ...hopOf(first) });
}

type DeviceRoute = Extract<RouteAnswer, { kind: "device" }>;

function hopOf({ device, gateway }: DeviceRoute): Pick<Packet, "outDevice" | "byRouter"> {
  return { outDevice: device, byRouter: gateway !== undefined };
}

function filterView({ packet, destination, source, mark }: Underway): Omit<Packet, "hook"> {
  const { protocol, sourcePort, destinationPort, icmpType, hopLimit, laterFragment, uid, reply } = packet;
  return {
    source,
    destination,
    protocol,
    mark,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(hopLimit === undefined ? {} : { hopLimit }),
    ...(laterFragment === undefined ? {} : { laterFragment }),
    ...(uid === undefined ? {} : { uid }),
    ...(reply === undefined ? {} : { reply }),
  };
}
