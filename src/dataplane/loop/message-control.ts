/** Control data of a message's datagrams (cmsg(3), udp(7), ip(7), ipv6(7)) on 64-bit Linux. */
const HEADER_BYTES = 16;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
const IPPROTO_IPV6 = 41;
const IPV6_PKTINFO = 50;
/** struct in_pktinfo: interface, local address, destination; struct in6_pktinfo: address, interface. */
const LOCAL_IN_PKTINFO = 4;
const PKTINFO_BYTES = { four: 12, six: 20 } as const;

/** Offset of each part in a sent message's 64-byte control buffer, and its padded length. */
const SEGMENT_AT = 0;
const SEGMENT_SPACE = 24;
const SOURCE_AT = SEGMENT_SPACE;
const SOURCE_SPACE = { four: 32, six: 40 } as const;

/** The control data of a received message; one object is reused for all. */
export interface ReceivedControl {
  /** Bytes of each datagram in a joined message; 0: it is one datagram. */
  segmentBytes: number;
  /** Offset of the packet's destination, an address of ours (4 or 16 bytes); -1: unknown. */
  localAt: number;
}

/** Reads the `length` bytes at `at`. Allocates nothing. */
export function readControl(view: DataView, at: number, length: number, into: ReceivedControl): void {
  into.segmentBytes = 0;
  into.localAt = -1;
  const end = at + length;
  for (let part = at; part + HEADER_BYTES <= end; ) {
    const bytes = view.getUint32(part, true);
    if (bytes < HEADER_BYTES) return;
    const level = view.getUint32(part + 8, true);
    const kind = view.getUint32(part + 12, true);
    const data = part + HEADER_BYTES;
    if (level === SOL_UDP && kind === UDP_GRO) into.segmentBytes = view.getUint16(data, true);
    else if (level === IPPROTO_IP && kind === IP_PKTINFO) into.localAt = data + LOCAL_IN_PKTINFO;
    else if (level === IPPROTO_IPV6 && kind === IPV6_PKTINFO) into.localAt = data;
    part += (bytes + 7) & ~7;
  }
}

/** Prepares a control buffer: the parts that never change. */
export function prepareControl(view: DataView, at: number): void {
  writeHeader(view, at + SEGMENT_AT, HEADER_BYTES + 2, SOL_UDP, UDP_SEGMENT);
}

/** Sets the size of a message's datagrams. */
export function writeSegment(view: DataView, at: number, bytes: number): void {
  view.setUint16(at + SEGMENT_AT + HEADER_BYTES, bytes, true);
}

/** Sets the source address (4 or 16 bytes) of a message. */
export function writeSource(view: DataView, at: number, source: Uint8Array): void {
  const four = source.length === 4;
  const part = at + SOURCE_AT;
  const bytes = four ? PKTINFO_BYTES.four : PKTINFO_BYTES.six;
  if (four) writeHeader(view, part, HEADER_BYTES + bytes, IPPROTO_IP, IP_PKTINFO);
  else writeHeader(view, part, HEADER_BYTES + bytes, IPPROTO_IPV6, IPV6_PKTINFO);
  const data = part + HEADER_BYTES;
  for (let index = 0; index < bytes; index += 4) view.setUint32(data + index, 0);
  const to = four ? data + LOCAL_IN_PKTINFO : data;
  for (let index = 0; index < source.length; index += 1) view.setUint8(to + index, source[index] as number);
}

/** The offset of a message's control data in its buffer. */
export function controlStart(isCut: boolean): number {
  return isCut ? SEGMENT_AT : SOURCE_AT;
}

/** The length of a message's control data. `sourceBytes`: 0, 4 or 16. */
export function controlLength(isCut: boolean, sourceBytes: number): number {
  const source = sourceBytes === 0 ? 0 : sourceBytes === 4 ? SOURCE_SPACE.four : SOURCE_SPACE.six;
  return (isCut ? SEGMENT_SPACE : 0) + source;
}

function writeHeader(view: DataView, at: number, bytes: number, level: number, kind: number): void {
  view.setUint32(at, bytes, true);
  view.setUint32(at + 4, 0, true);
  view.setUint32(at + 8, level, true);
  view.setUint32(at + 12, kind, true);
}
