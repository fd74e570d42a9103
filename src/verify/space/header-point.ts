import { type Packet, PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { IpAddress } from "../../model/ip.ts";
import type { Fragment, Tracking } from "./packet-fields.ts";

/** One packet with every header field that rules may ask for. */
export interface HeaderPoint {
  /** Device it came by, "" when this machine sends it. */
  readonly in: string;
  /** Device it leaves by, "" when it is for this machine. */
  readonly out: string;
  readonly tracking: Tracking;
  readonly fragment: Fragment;
  /** Absent when no socket is known. */
  readonly user?: number;
  readonly mark: number;
  readonly protocol: number;
  /** Of the packet, as the hooks count it. */
  readonly length: number;
  readonly hops: number;
  /** Type of the route to the source (RTN_* of rtnetlink.h). */
  readonly sender?: number;
  /** The first and second 16 bits behind the IP header: ports, or ICMP type and code and the checksum. */
  readonly word0: number;
  readonly word2: number;
  readonly destination: IpAddress;
  readonly source: IpAddress;
}

/** The point as the evaluator's packet. */
export function packetOf(point: HeaderPoint, hook: Packet["hook"]): Packet {
  const { user, tracking, fragment, protocol, word0, word2, length, hops, mark } = point;
  const whole = fragment !== "later";
  const isIcmp = protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6;
  return {
    hook,
    source: point.source,
    destination: point.destination,
    protocol,
    bytes: length,
    hopLimit: hops,
    mark,
    ...(whole && PORTED_PROTOCOLS.includes(protocol) ? { sourcePort: word0, destinationPort: word2 } : {}),
    ...(whole && isIcmp ? { icmpType: word0 >> 8, icmpCode: word0 & 0xff } : {}),
    ...(whole ? {} : { laterFragment: true }),
    ...(point.in === "" ? {} : { inDevice: point.in }),
    ...(point.out === "" ? {} : { outDevice: point.out }),
    ...(user === undefined ? {} : { uid: user }),
    reply: tracking === "answer" || tracking === "related-answer",
    related: tracking === "related" || tracking === "related-answer",
  };
}
