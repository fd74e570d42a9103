import { renderIp } from "../model/ip.ts";
import type { HeaderPoint } from "./space/header-point.ts";

/** Length of a common echo request in bytes, for packets of any length. */
export const USUAL_LENGTH = 84;

/**
 * The kind of a finding.
 *
 * `leak`: a packet leaves by a physical device without a grant. `stray`: it leaves by a tunnel that is not its path.
 * `entry`: it enters without a grant. `weakness`: one of two guards would accept it, the other still drops it.
 * `lock-out`: it is granted and dropped. `misroute`: it is marked or routed for another path.
 * `open-flow`: conntrack still holds a flow that the policy forbids. `unjudged`: awg cannot read a rule.
 * `invariant`: the configuration itself allows something that it declares forbidden.
 */
export type FindingKind =
  | "leak"
  | "stray"
  | "entry"
  | "weakness"
  | "lock-out"
  | "misroute"
  | "open-flow"
  | "unjudged"
  | "invariant";

/** An example packet, precise enough to reproduce it. */
export interface ShownPacket {
  readonly hook: "output" | "input" | "forward" | "frame";
  readonly source: string;
  readonly destination: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** First four bytes of the transport header in hex, for protocols without ports. */
  readonly payload?: string;
  /** Packet length, if a rule tests it. */
  readonly bytes?: number;
  readonly hopLimit: number;
  readonly fragment: "whole" | "first" | "later";
  readonly uid?: number;
  /** The packet's mark. */
  readonly mark: number;
  readonly inDevice?: string;
  readonly outDevice?: string;
  /** The next hop is a router, not the destination. */
  readonly byRouter?: true;
  /** The conntrack state. */
  readonly tracking: string;
}

/** A rule that the packet matched, with its verdict. */
export interface MetRule {
  readonly name: string;
  readonly verdict: string;
}

export interface VerifyFinding {
  readonly kind: FindingKind;
  /** One sentence. */
  readonly message: string;
  readonly packet?: ShownPacket;
  /** The deciding rules, first to last. */
  readonly rules: readonly MetRule[];
}

/** The result of a verification and its coverage. */
export interface Verified {
  readonly findings: readonly VerifyFinding[];
  /** Limits of the proof. They do not make it fail. */
  readonly notes: readonly string[];
  /** Number of distinguished packet classes: the product over all dimensions. */
  readonly classes: bigint;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  33: "dccp",
  47: "gre",
  50: "esp",
  58: "icmpv6",
  132: "sctp",
  136: "udplite",
};

/** The usual name of an IP protocol. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
}

const PORTED: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** Converts a point of the packet space to an example packet. */
export function showPoint(point: HeaderPoint, hook: ShownPacket["hook"]): ShownPacket {
  const { protocol, word0, word2, fragment, user } = point;
  const whole = fragment !== "later";
  const hasPorts = whole && PORTED.has(protocol);
  return {
    hook,
    source: renderIp(point.source),
    destination: renderIp(point.destination),
    protocol,
    ...(hasPorts ? { sourcePort: word0, destinationPort: word2 } : { payload: hexOf(word0) + hexOf(word2) }),
    ...(whole && (protocol === 1 || protocol === 58) ? { icmpType: word0 >> 8, icmpCode: word0 & 0xff } : {}),
    ...(point.length === USUAL_LENGTH ? {} : { bytes: point.length }),
    hopLimit: point.hops,
    fragment,
    ...(user === undefined ? {} : { uid: user }),
    mark: point.mark,
    ...(point.in === "" ? {} : { inDevice: point.in }),
    ...(point.out === "" ? {} : { outDevice: point.out }),
    ...(point.hop === "router" && hook !== "frame" ? { byRouter: true } : {}),
    tracking: point.tracking,
  };
}

function hexOf(word: number): string {
  return word.toString(16).padStart(4, "0");
}

/** The packet in one line. */
export function describePacket(packet: ShownPacket): string {
  const { hook, protocol, sourcePort, destinationPort, icmpType, icmpCode, fragment, uid, mark } = packet;
  const { tracking, hopLimit } = packet;
  const port = (address: string, number: number | undefined) =>
    number === undefined ? address : address.includes(":") ? `[${address}]:${number}` : `${address}:${number}`;
  const parts = [
    protocolName(protocol),
    ...(icmpType === undefined ? [] : [`type ${icmpType}`]),
    ...(icmpCode === undefined || icmpCode === 0 ? [] : [`code ${icmpCode}`]),
    `${port(packet.source, sourcePort)} → ${port(packet.destination, destinationPort)}`,
    ...(packet.inDevice === undefined ? [] : [`in by ${packet.inDevice}`]),
    ...(packet.outDevice === undefined ? [] : [`out by ${packet.outDevice}`]),
    ...(packet.byRouter === true ? ["next hop a router"] : []),
    ...(hook === "frame" ? ["raw frame"] : []),
    ...(hook === "output" || hook === "frame" ? [uid === undefined ? "without a socket" : `uid ${uid}`] : []),
    ...(mark === 0 ? [] : [`mark 0x${mark.toString(16)}`]),
    ...(fragment === "whole" ? [] : [`${fragment} fragment`]),
    ...(packet.bytes === undefined ? [] : [`${packet.bytes} bytes`]),
    ...(hopLimit === 64 ? [] : [`hop limit ${hopLimit}`]),
    ...(tracking === "new" || hook === "frame" ? [] : [`conntrack: ${tracking}`]),
  ];
  return parts.join(", ");
}
