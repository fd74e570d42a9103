import { type Packet, PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { IpAddress } from "../../model/ip.ts";
import type { Fragment, Hop, Tracking } from "./packet-fields.ts";

/** One packet with every header field that rules may match. */
export interface HeaderPoint {
  /** Input device; "" for a locally generated packet. */
  readonly in: string;
  /** Output device; "" for a packet to this host. */
  readonly out: string;
  readonly tracking: Tracking;
  readonly fragment: Fragment;
  readonly hop: Hop;
  /** Absent if no socket is known. */
  readonly user?: number;
  /** The dynamic sets that hold the other side's address; absent where none does. */
  readonly sets?: readonly string[];
  readonly mark: number;
  readonly protocol: number;
  /** Packet length as the hooks count it. */
  readonly length: number;
  readonly hops: number;
  /** Route type of the source (RTN_* of rtnetlink.h). */
  readonly sender?: number;
  /** The first and second 16 bits of the transport header: ports, or ICMP type, code and checksum. */
  readonly word0: number;
  readonly word2: number;
  readonly destination: IpAddress;
  readonly source: IpAddress;
}

/** The point as a packet for the evaluator. */
export function packetOf(point: HeaderPoint, hook: Packet["hook"]): Packet {
  const { user, tracking, fragment, hop, protocol, word0, word2, length, hops, mark } = point;
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
    ...(hop === "router" ? { byRouter: true } : {}),
    ...(user === undefined ? {} : { uid: user }),
    ...(point.sets === undefined ? {} : { sets: point.sets }),
    reply: tracking === "answer" || tracking === "related-answer",
    related: tracking === "related" || tracking === "related-answer",
  };
}
