import type { RouteAnswer } from "../../host/ports/inspection.ts";
import { LOOPBACK_DEVICE, type Packet, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { type IpAddress, renderIp } from "../../model/ip.ts";
import type { LinkObserved } from "../../model/resources/link.ts";
import { USUAL_LENGTH } from "../../verify/finding.ts";
import { sourceOf } from "../../verify/routing/trace-route.ts";
import type { HeaderPoint } from "../../verify/space/header-point.ts";

/** Any port that a program may have been given. */
export const SOURCE_PORT = 40_000;
/** A name that no device has, for packets to a relay. */
export const RELAY_DEVICE = "(relay)";

/** One flow in numbers, with the links and the policy that both sides use. */
export interface AskedFlow {
  readonly address: IpAddress;
  readonly uid: number;
  /** The class in the mark of the program's socket. */
  readonly classMark: number;
  readonly protocol: number;
  readonly port?: number;
  readonly links: readonly LinkObserved[];
  readonly policy: FirewallPolicy;
  /** The dynamic sets that decide about it (rule S4.14). */
  readonly sets: readonly string[];
}

/** The flow's first packet for the evaluator, routed like this. */
export function packetOf(
  { address, uid, protocol, port, links, sets }: AskedFlow,
  { leadsTo, byRouter }: RouteAnswer,
  mark: number,
): Packet {
  return {
    hook: "output",
    source: sourceAt(links, leadsTo, address),
    destination: address,
    protocol,
    outDevice: outDeviceOf(leadsTo, address, links),
    byRouter,
    uid,
    sets,
    mark,
    ...(port === undefined ? {} : { sourcePort: SOURCE_PORT, destinationPort: port }),
    ...(protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6 ? { icmpType: echoType(protocol) } : {}),
  };
}

/** What a proxy's table delivers to this host although it is for another is steered like what leaves (S5.7). */
export function outDeviceOf(leadsTo: string, address: IpAddress, links: AskedFlow["links"]): string {
  if (leadsTo !== "(local)") return leadsTo;
  const text = renderIp(address);
  const isOwn =
    text.startsWith("127.") || links.some(({ addresses }) => addresses.some((one) => one.startsWith(`${text}/`)));
  return isOwn || text === "::1" ? LOOPBACK_DEVICE : RELAY_DEVICE;
}

/** The same packet for the rules that the kernel has loaded. */
export function pointOf(
  { address, uid, protocol, port, links, sets }: AskedFlow,
  { leadsTo, byRouter }: RouteAnswer,
  mark: number,
): HeaderPoint {
  const isIcmp = protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6;
  return {
    in: "",
    out: outDeviceOf(leadsTo, address, links),
    hop: byRouter ? "router" : "destination",
    tracking: "new",
    fragment: "whole",
    user: uid,
    sets,
    mark,
    protocol,
    length: USUAL_LENGTH,
    hops: 64,
    word0: isIcmp ? echoType(protocol) << 8 : SOURCE_PORT,
    word2: port ?? 0,
    destination: address,
    source: sourceAt(links, leadsTo, address),
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
