import { renderIp } from "../model/ip.ts";
import type { HeaderPoint } from "./space/header-point.ts";

/** Bytes of a packet on whose length nothing depends: an echo request as people send it. */
export const USUAL_LENGTH = 84;

/**
 * What verification found.
 * `leak`: leaves by a physical device though nothing grants it. `stray`: leaves by a tunnel that is not its path.
 * `entry`: enters though nothing grants it. `weakness`: one of two guards would let it out, the other still stops it.
 * `lock-out`: is granted and dropped. `misroute`: is marked or routed towards another path than its own.
 * `open-flow`: conntrack still holds a flow that the policy forbids. `unjudged`: awg cannot say what a rule does.
 * `invariant`: the configuration itself allows what it says must never be.
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

/** One packet, in words that people and programs can use to make it. */
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
  /** First four bytes behind the IP header in hex, where they are no ports. */
  readonly payload?: string;
  /** Length of the packet, where a rule asks for it. */
  readonly bytes?: number;
  readonly hopLimit: number;
  readonly fragment: "whole" | "first" | "later";
  readonly uid?: number;
  /** The packet's mark. */
  readonly mark: number;
  readonly inDevice?: string;
  readonly outDevice?: string;
  /** What conntrack says of it. */
  readonly tracking: string;
}

/** A rule that the packet met and what it said. */
export interface MetRule {
  readonly name: string;
  readonly verdict: string;
}

export interface VerifyFinding {
  readonly kind: FindingKind;
  /** One sentence. */
  readonly message: string;
  readonly packet?: ShownPacket;
  /** The rules that decided, first to last. */
  readonly rules: readonly MetRule[];
}

/** All that was found and how far it went. */
export interface Verified {
  readonly findings: readonly VerifyFinding[];
  /** What cannot be told, or is not asked, and stops nothing. */
  readonly notes: readonly string[];
  /** How many classes of packets were told apart, all dimensions multiplied. */
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

/** What people call an IP protocol. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
}

const PORTED: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** A point of the packet space as it is shown. */
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
