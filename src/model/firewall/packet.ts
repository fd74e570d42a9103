import type { IpAddress } from "../ip.ts";
import { classOfMark, MARK_MASK, ORPHANED, UNCLASSIFIED } from "../ownership.ts";

/** The highest possible uid; 2^32 - 1 means "no change" (setresuid(2)). */
export const LAST_UID = 0xffff_fffe;

/** A packet as the filter sees it: the input of the evaluator. Whole unless `laterFragment`. */
export interface Packet {
  /** `output`: sent by this host; `input`: addressed to this host; `forward`: routed through it. */
  readonly hook: "output" | "input" | "forward";
  /** Source on the wire, after NAT; of the same family as the destination. */
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IP protocol number. */
  readonly protocol: number;
  /** Present for TCP, UDP, UDP-Lite, SCTP and DCCP, absent in later fragments. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** ICMP or ICMPv6 type, absent in later fragments. */
  readonly icmpType?: number;
  /** ICMP or ICMPv6 code; 0 when absent. */
  readonly icmpCode?: number;
  /** TTL or hop limit; 64 when absent. */
  readonly hopLimit?: number;
  /** Length of the IP packet; absent means the shortest of its kind. */
  readonly bytes?: number;
  /** A later fragment, which has neither ports nor an ICMP type. */
  readonly laterFragment?: boolean;
  /** Device on which it arrived; absent for `output`. */
  readonly inDevice?: string;
  /** Device it leaves by, after routing; absent for `input`. */
  readonly outDevice?: string;
  /** Whether the next hop is a router, not the destination itself. False when absent. */
  readonly byRouter?: boolean;
  /** User of the sending socket; absent if the kernel sent it, no socket is known, or it came from outside. */
  readonly uid?: number;
  /** The packet's mark, foreign bits included; 0 when absent. */
  readonly mark?: number;
  /** Whether conntrack has it in the reply direction of a flow. False when absent. */
  readonly reply?: boolean;
  /** Whether this host sends it from an address of another host. False when absent. */
  readonly stranger?: boolean;
  /** Whether it is an ICMP error that conntrack relates to a known flow. False when absent. */
  readonly related?: boolean;
  /** The dynamic sets (rule S4.14) that hold the other side's address; none when absent. */
  readonly sets?: readonly string[];
  /** Whether it came by a device that is no uplink, and the answer would leave by another. False when absent. */
  readonly forged?: boolean;
}

/** The fields that decide a flow's path. */
export interface Flow {
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly destinationPort?: number;
  readonly uid?: number;
  /** The class of the program that sends it; absent if no program does, or none has classes. */
  readonly programClass?: number;
  readonly sets?: readonly string[];
  /** The packet takes a router or a tunnel, so a private destination is not on the link (S4.6). False when absent. */
  readonly offLink?: boolean;
}

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, dccp: 33, icmpv6: 58, sctp: 132, udplite: 136 } as const;

/** Protocols with a header that starts with source and destination port (RFC 9293, 768, 3828, 9260, 4340). */
export const PORTED_PROTOCOLS: readonly number[] = [
  PROTOCOL.tcp,
  PROTOCOL.udp,
  PROTOCOL.dccp,
  PROTOCOL.sctp,
  PROTOCOL.udplite,
];

/** Protocols of sockets that send after their program closed them: what they send may be a program's without a user. */
export const LASTING_PROTOCOLS: readonly number[] = [PROTOCOL.tcp, PROTOCOL.dccp, PROTOCOL.sctp];

export const LOOPBACK_DEVICE = "lo";

/** Its index on Linux, in every network namespace (LOOPBACK_IFINDEX of include/net/flow.h). */
export const LOOPBACK_INDEX = 1;

/** The flow of a packet, seen from its sender. */
export function flowOf(packet: Packet, tunnelDevices: ReadonlySet<string>): Flow {
  const { uid } = packet;
  const programClass = programClassOf(packet);
  const offLink = packet.byRouter === true || tunnelDevices.has(packet.outDevice ?? "");
  return {
    destination: packet.destination,
    protocol: packet.protocol,
    ...(offLink ? { offLink } : {}),
    ...(packet.sets === undefined ? {} : { sets: packet.sets }),
    ...(packet.destinationPort === undefined ? {} : { destinationPort: packet.destinationPort }),
    ...(uid === undefined ? {} : { uid }),
    ...(programClass === undefined ? {} : { programClass }),
  };
}

/**
 * The class of the program that sends a packet (S4.13): that of its socket, else `UNCLASSIFIED` or `ORPHANED`. Undefined for
 * what this host forwards or receives, and for what the kernel sends itself.
 */
export function programClassOf({ hook, mark = 0, uid, protocol }: Packet): number | undefined {
  if (hook !== "output") return undefined;
  const number = classOfMark(mark);
  if (number !== 0) return number;
  if (uid !== undefined) return UNCLASSIFIED;
  return LASTING_PROTOCOLS.includes(protocol) ? ORPHANED : undefined;
}

/** The flow of an answer to this packet, without a user. */
export function answerOf(packet: Packet): Flow {
  return {
    destination: packet.source,
    protocol: packet.protocol,
    ...(packet.sets === undefined ? {} : { sets: packet.sets }),
    ...(packet.sourcePort === undefined ? {} : { destinationPort: packet.sourcePort }),
  };
}

/** Errors of routers about packets that did not fit, by family (RFC 792 and 1191; RFC 4443 section 3.2). */
export const TOO_BIG = {
  4: { protocol: PROTOCOL.icmp, type: 3 },
  6: { protocol: PROTOCOL.icmpv6, type: 2 },
} as const;

/** Whether the packet has the type of such an error. */
export function isTooBig({ source, protocol, icmpType }: Packet): boolean {
  const error = TOO_BIG[source.family];
  return protocol === error.protocol && icmpType === error.type;
}

/** Errors about fragments that did not arrive in time, by family (RFC 792; RFC 4443 section 3.3). */
export const REST_MISSING = {
  4: { protocol: PROTOCOL.icmp, type: 11, code: 1 },
  6: { protocol: PROTOCOL.icmpv6, type: 3, code: 1 },
} as const;

/** Whether the packet has the type and code of such an error. */
export function isRestMissing({ source, protocol, icmpType, icmpCode }: Packet): boolean {
  const error = REST_MISSING[source.family];
  return protocol === error.protocol && icmpType === error.type && icmpCode === error.code;
}

/** Redirects: messages that move a flow to another router, by family (RFC 792; RFC 4861 section 4.5). */
export const REDIRECT = {
  4: { protocol: PROTOCOL.icmp, type: 5 },
  6: { protocol: PROTOCOL.icmpv6, type: 137 },
} as const;

/** Whether the packet has the type of a redirect. */
export function isRedirect({ source, protocol, icmpType }: Packet): boolean {
  const redirect = REDIRECT[source.family];
  return protocol === redirect.protocol && icmpType === redirect.type;
}

/** awg's bits of a packet's mark. */
export function ownMark(packet: Packet): number {
  return ((packet.mark ?? 0) & MARK_MASK) >>> 0;
}
