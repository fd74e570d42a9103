/** Hand-made Ethernet frames for the judge's own tests. */

const ethernetBytes = 14;

export interface DatagramFrame {
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly payload: Uint8Array;
}

/** An IPv4 packet (four-number addresses) or an IPv6 packet (eight groups) with a UDP-shaped transport header. */
export function datagramFrame(frame: DatagramFrame): Uint8Array {
  const { sourcePort = 40000, destinationPort = 9, payload } = frame;
  const ports = [sourcePort, destinationPort, 8 + payload.length, 0];
  return packetFrame(frame, Uint8Array.from([...ports.flatMap(u16), ...payload]));
}

/** A TCP segment without options. */
export function segmentFrame(frame: DatagramFrame): Uint8Array {
  const { sourcePort = 40000, destinationPort = 80, payload } = frame;
  const head = [...u16(sourcePort), ...u16(destinationPort), 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0];
  return packetFrame({ ...frame, protocol: 6 }, Uint8Array.from([...head, ...payload]));
}

/** Any IP packet. */
export function packetFrame(frame: DatagramFrame, body: Uint8Array): Uint8Array {
  const { source, destination, protocol = 17 } = frame;
  const header =
    source.length === 4
      ? [0x45, 0, ...u16(20 + body.length), 0, 1, 0, 0, 64, protocol, 0, 0, ...source, ...destination]
      : [0x60, 0, 0, 0, ...u16(body.length), protocol, 255, ...source.flatMap(u16), ...destination.flatMap(u16)];
  const etherType = source.length === 4 ? 0x0800 : 0x86dd;
  return Uint8Array.from([...etherHeader(etherType), ...header, ...body]);
}

/** An ARP message of this sender (RFC 826). */
export function arpFrame(sender: readonly number[]): Uint8Array {
  return Uint8Array.from([
    ...etherHeader(0x0806),
    0,
    1,
    8,
    0,
    6,
    4,
    0,
    2,
    ...new Array(6).fill(2),
    ...sender,
    ...new Array(10).fill(0),
  ]);
}

/** The tag of a probe as the prober writes it. */
export function tagOf(index: number): Uint8Array {
  return Uint8Array.from([0xa7, ...Buffer.from(`awg${String(index).padStart(3, "0")};`)]);
}

function etherHeader(etherType: number): number[] {
  return [...new Array(ethernetBytes - 2).fill(2), ...u16(etherType)];
}

function u16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}
