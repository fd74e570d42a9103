/** What the judge needs to know of a frame. Fields that the frame does not carry are absent. */
export interface Dissected {
  readonly etherType: number;
  readonly family?: 4 | 6;
  /** Canonical text: dotted quad, or eight lower-case groups without leading zeros ("fd77:0:0:0:0:0:0:1"). */
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly hopLimit?: number;
  /** Absent in fragments but the first. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  /** ARP: who says that he is asking or answering. */
  readonly arpSender?: string;
  /** What follows the transport header (or the last header understood). */
  readonly payload: Uint8Array;
}

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const protocols = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmpv6: 58 } as const;

const extensionHeaders = new Set([0, 43, 60]);
const fragmentHeader = 44;

/** Takes an Ethernet frame apart (RFC 791, 826, 8200, 768, 9293); anything short is dissected as far as it goes. */
export function dissect(frame: Uint8Array): Dissected {
  if (frame.length < 14) return { etherType: -1, payload: frame };
  const etherType = u16(frame, 12);
  const body = frame.subarray(14);
  if (etherType === etherTypes.ipv4 && body.length >= 20) return dissectIpv4(body);
  if (etherType === etherTypes.ipv6 && body.length >= 40) return dissectIpv6(body);
  if (etherType === etherTypes.arp && body.length >= 28) {
    return { etherType, arpSender: ipv4Text(body.subarray(14, 18)), payload: body };
  }
  return { etherType, payload: body };
}

function dissectIpv4(packet: Uint8Array): Dissected {
  const headerBytes = Math.max(20, ((packet[0] ?? 0) & 0x0f) * 4);
  const protocol = packet[9] ?? 0;
  const fragmentOffset = u16(packet, 6) & 0x1fff;
  const body = packet.subarray(headerBytes, Math.max(headerBytes, u16(packet, 2)));
  return {
    etherType: etherTypes.ipv4,
    family: 4,
    source: ipv4Text(packet.subarray(12, 16)),
    destination: ipv4Text(packet.subarray(16, 20)),
    protocol,
    hopLimit: packet[8] ?? 0,
    ...transport(protocol, body, fragmentOffset === 0),
  };
}

function dissectIpv6(packet: Uint8Array): Dissected {
  let protocol = packet[6] ?? 0;
  let body = packet.subarray(40);
  let first = true;
  while ((extensionHeaders.has(protocol) || protocol === fragmentHeader) && body.length >= 8) {
    const next = body[0] ?? 59;
    if (protocol === fragmentHeader) first = u16(body, 2) >> 3 === 0;
    const bytes = protocol === fragmentHeader ? 8 : ((body[1] ?? 0) + 1) * 8;
    body = body.subarray(bytes);
    protocol = next;
    if (!first) break;
  }
  return {
    etherType: etherTypes.ipv6,
    family: 6,
    source: ipv6Text(packet.subarray(8, 24)),
    destination: ipv6Text(packet.subarray(24, 40)),
    protocol,
    hopLimit: packet[7] ?? 0,
    ...transport(protocol, body, first),
  };
}

function transport(
  protocol: number,
  body: Uint8Array,
  first: boolean,
): Pick<Dissected, "payload"> & Partial<Dissected> {
  if (!first) return { payload: body };
  if (protocol === protocols.udp && body.length >= 8) return { ...ports(body), payload: body.subarray(8) };
  if (protocol === protocols.tcp && body.length >= 20) {
    return { ...ports(body), payload: body.subarray(((body[12] ?? 0x50) >> 4) * 4) };
  }
  if ((protocol === protocols.icmp || protocol === protocols.icmpv6) && body.length >= 4) {
    return { icmpType: body[0] ?? 0, payload: body.subarray(4) };
  }
  return { payload: body };
}

function ports(body: Uint8Array): { sourcePort: number; destinationPort: number } {
  return { sourcePort: u16(body, 0), destinationPort: u16(body, 2) };
}

/** Four bytes as a dotted quad. */
export function ipv4Text(bytes: Uint8Array): string {
  return [...bytes].join(".");
}

/** Sixteen bytes as eight groups without compression, so that two spellings of one address are one text. */
export function ipv6Text(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, group) => u16(bytes, group * 2).toString(16)).join(":");
}

/** An IPv6 address as people write it ("fd77::1") in the dissector's uncompressed spelling; IPv4 comes back as it is. */
export function canonicalAddress(text: string): string {
  if (!text.includes(":")) return text;
  const [head = "", tail] = text.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
