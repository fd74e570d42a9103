import type { Target } from "../protocol/dialogue.ts";

const PROTOCOL_UDP = 17;
const UDP_HEADER_BYTES = 8;
const HOP_LIMIT = 64;
/** The most data in a UDP datagram over IPv4 without options. */
const MOST_DATA_BYTES = 65_507;

/**
 * A whole IP packet with one UDP datagram (RFC 768, RFC 791, RFC 8200). The kernel fills in the checksum and the length of
 * an IPv4 header (raw(7)). Undefined if the families differ or the data is too long.
 */
export function encodeUdpPacket(source: Target, destination: Target, data: Uint8Array): Uint8Array | undefined {
  const isFour = source.address.length === 4;
  if (source.address.length !== destination.address.length || data.length > MOST_DATA_BYTES) return undefined;
  const headerBytes = isFour ? 20 : 40;
  const udpBytes = UDP_HEADER_BYTES + data.length;
  const packet = new Uint8Array(headerBytes + udpBytes);
  const view = new DataView(packet.buffer);
  if (isFour) {
    view.setUint8(0, 0x45);
    view.setUint16(2, packet.length);
    view.setUint8(8, HOP_LIMIT);
    view.setUint8(9, PROTOCOL_UDP);
    packet.set(source.address, 12);
    packet.set(destination.address, 16);
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, udpBytes);
    view.setUint8(6, PROTOCOL_UDP);
    view.setUint8(7, HOP_LIMIT);
    packet.set(source.address, 8);
    packet.set(destination.address, 24);
  }
  view.setUint16(headerBytes, source.port);
  view.setUint16(headerBytes + 2, destination.port);
  view.setUint16(headerBytes + 4, udpBytes);
  packet.set(data, headerBytes + UDP_HEADER_BYTES);
  const pseudo = PROTOCOL_UDP + udpBytes + sum(source.address, 0) + sum(destination.address, 0);
  // 0 means no checksum, so its other form is sent.
  view.setUint16(headerBytes + 6, ~sum(packet.subarray(headerBytes), pseudo) & 0xffff || 0xffff);
  return packet;
}

/** The ones' complement sum of 16-bit words (RFC 1071), folded. */
function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x1_0000);
  return total;
}
