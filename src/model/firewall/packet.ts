import type { IpAddress } from "../ip.ts";
import { MARK_MASK } from "../ownership.ts";

/** The highest uid that a user can have: 2^32 - 1 is nobody's (setresuid(2)). */
export const LAST_UID = 0xffff_fffe;

/** A packet as the filter sees it, whole unless `laterFragment`; what the evaluator judges. */
export interface Packet {
  /** `output`: sent by this machine; `input`: for this machine; `forward`: passing through. */
  readonly hook: "output" | "input" | "forward";
  /** Source as it stands on the wire, after NAT. Source and destination are of one family. */
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
  /** Length of the IP packet; as short as such packets are when absent. */
  readonly bytes?: number;
  /** Not the first fragment of its packet: it carries neither ports nor an ICMP type. */
  readonly laterFragment?: boolean;
  /** Device it came by; absent for `output`. */
  readonly inDevice?: string;
  /** Device it leaves by, after routing; absent for `input`. */
  readonly outDevice?: string;
  /** User of the sending socket; absent when the kernel sent it, no socket is known, or it came from outside. */
  readonly uid?: number;
  /**
   * Of a packet without a user that goes on with a flow of TCP, SCTP or DCCP: the user whose the flow was, null where nobody
   * knows. Absent: the packet opens its flow, carries nothing before a program has taken it up, ends nobody's, or is a later
   * fragment.
   */
  readonly lastUid?: number | null;
  /** It opens one more subflow of an MPTCP connection. */
  readonly opensSubflow?: boolean;
  /** The packet's mark, foreign bits included; 0 when absent. */
  readonly mark?: number;
  /** Whether conntrack holds it for an answer: the flow was opened by the other side. False when absent. */
  readonly reply?: boolean;
  /** Whether this machine sends it from an address that is not its own. False when absent. */
  readonly stranger?: boolean;
  /** Whether conntrack relates it to a flow that it knows, whichever side opened it: an ICMP error. False when absent. */
  readonly related?: boolean;
  /** Whether this machine would answer its sender by another device than it came by, which is no uplink. False when absent. */
  readonly forged?: boolean;
}

/** What a flow's path depends on. */
export interface Flow {
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly destinationPort?: number;
  readonly uid?: number;
}

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, dccp: 33, icmpv6: 58, sctp: 132, udplite: 136 } as const;

/** Protocols whose header starts with source and destination port (RFC 9293, 768, 3828, 9260, 4340). */
export const PORTED_PROTOCOLS: readonly number[] = [
  PROTOCOL.tcp,
  PROTOCOL.udp,
  PROTOCOL.dccp,
  PROTOCOL.sctp,
  PROTOCOL.udplite,
];

export const LOOPBACK_DEVICE = "lo";

/** The flow a packet belongs to, seen from its sender. */
export function flowOf(packet: Packet): Flow {
  const uid = packet.uid ?? packet.lastUid ?? undefined;
  return {
    destination: packet.destination,
    protocol: packet.protocol,
    ...(packet.destinationPort === undefined ? {} : { destinationPort: packet.destinationPort }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** The flow an answer to this packet would belong to; who would send it is not known. */
export function answerOf(packet: Packet): Flow {
  return {
    destination: packet.source,
    protocol: packet.protocol,
    ...(packet.sourcePort === undefined ? {} : { destinationPort: packet.sourcePort }),
  };
}

/** The errors by which a router tells that a packet did not fit, by family (RFC 792 and 1191; RFC 4443 section 3.2). */
export const TOO_BIG = {
  4: { protocol: PROTOCOL.icmp, type: 3 },
  6: { protocol: PROTOCOL.icmpv6, type: 2 },
} as const;

/** Whether the packet is such an error, as far as its type tells. */
export function isTooBig({ source, protocol, icmpType }: Packet): boolean {
  const error = TOO_BIG[source.family];
  return protocol === error.protocol && icmpType === error.type;
}

/** The errors by which a host tells that the rest of a packet did not come, by family (RFC 792; RFC 4443 section 3.3). */
export const REST_MISSING = {
  4: { protocol: PROTOCOL.icmp, type: 11, code: 1 },
  6: { protocol: PROTOCOL.icmpv6, type: 3, code: 1 },
} as const;

/** Whether the packet is such an error, as far as type and code tell. */
export function isRestMissing({ source, protocol, icmpType, icmpCode }: Packet): boolean {
  const error = REST_MISSING[source.family];
  return protocol === error.protocol && icmpType === error.type && icmpCode === error.code;
}

/** The messages that move a flow to another router, by family (RFC 792; RFC 4861 section 4.5). */
export const REDIRECT = {
  4: { protocol: PROTOCOL.icmp, type: 5 },
  6: { protocol: PROTOCOL.icmpv6, type: 137 },
} as const;

/** Whether the packet asks to send a flow by another router, as far as its type tells. */
export function isRedirect({ source, protocol, icmpType }: Packet): boolean {
  const redirect = REDIRECT[source.family];
  return protocol === redirect.protocol && icmpType === redirect.type;
}

/** Our bits of a packet's mark. */
export function ownMark(packet: Packet): number {
  return ((packet.mark ?? 0) & MARK_MASK) >>> 0;
}
