/** Builds inner packets for tests, by the RFCs and without the code under test. */
export interface PacketOptions {
  readonly six?: boolean;
  readonly protocol?: "tcp" | "udp";
  readonly payload: Uint8Array;
  readonly sequence?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly sourcePort?: number;
  readonly identification?: number;
  /** Bytes of TCP options, a multiple of 4. */
  readonly options?: Uint8Array;
  readonly trafficClass?: number;
}

/** The Internet checksum of bytes, slowly (RFC 1071), not inverted. */
export function slowSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536);
  return sum;
}

function pseudo(ip: Uint8Array, six: boolean, protocol: number, length: number): number {
  return slowSum(six ? ip.subarray(8, 40) : ip.subarray(12, 20)) + protocol + length;
}

/** A whole packet with right checksums. */
export function buildPacket(options: PacketOptions): Uint8Array {
  const { six = false, protocol = "tcp", payload, sequence = 1, flags = 0x10, sourcePort = 4000 } = options;
  const { identification = 0, options: tcpOptions = new Uint8Array(), trafficClass = 0 } = options;
  const number = protocol === "tcp" ? 6 : 17;
  const l4 = new Uint8Array((protocol === "tcp" ? 20 + tcpOptions.length : 8) + payload.length);
  const view = new DataView(l4.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, 443);
  if (protocol === "tcp") {
    view.setUint32(4, sequence);
    view.setUint32(8, 77);
    view.setUint8(12, (5 + tcpOptions.length / 4) << 4);
    view.setUint8(13, flags);
    view.setUint16(14, options.window ?? 1000);
    l4.set(tcpOptions, 20);
  } else view.setUint16(4, l4.length);
  l4.set(payload, l4.length - payload.length);
  const ip = ipHeader({ six, number, length: l4.length, identification, trafficClass });
  const checksum = ~slowSum(l4, pseudo(ip, six, number, l4.length)) & 0xffff;
  view.setUint16(protocol === "tcp" ? 16 : 6, checksum === 0 ? 0xffff : checksum);
  return Uint8Array.from([...ip, ...l4]);
}

function ipHeader(o: { six: boolean; number: number; length: number; identification: number; trafficClass: number }) {
  const ip = new Uint8Array(o.six ? 40 : 20);
  const view = new DataView(ip.buffer);
  if (o.six) {
    view.setUint32(0, 0x60000000 | (o.trafficClass << 20));
    view.setUint16(4, o.length);
    ip.set([o.number, 64], 6);
    ip.set([0xfd, 1], 8);
    ip.set([0xfd, 2], 24);
    return ip;
  }
  ip.set([0x45, o.trafficClass]);
  view.setUint16(2, 20 + o.length);
  view.setUint16(4, o.identification);
  ip.set([0x40, 0, 64, o.number], 6);
  ip.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  view.setUint16(10, ~slowSum(ip) & 0xffff);
  return ip;
}

/** What the kernel would have made of a superpacket: cut by the virtio header, each packet with right checksums. */
export function cutByHand(options: PacketOptions, segmentBytes: number): Uint8Array[] {
  const { payload, sequence = 1, flags = 0x10, identification = 0 } = options;
  const count = Math.ceil(payload.length / segmentBytes);
  return Array.from({ length: count }, (_, index) => {
    const first = index === 0 ? flags : flags & ~0x80;
    return buildPacket({
      ...options,
      payload: payload.subarray(index * segmentBytes, (index + 1) * segmentBytes),
      sequence: (sequence + index * segmentBytes) >>> 0,
      identification: (identification + index) & 0xffff,
      flags: index === count - 1 ? first : first & ~0x09,
    });
  });
}
