/** Identifier and sequence, which match an echo reply to its request. */
export interface EchoId {
  readonly id: number;
  readonly sequence: number;
}

const PAYLOAD = new TextEncoder().encode("awg probe");
const HEADER_BYTES = 8;

/**
 * An ICMP echo request (RFC 792), or ICMPv6 (RFC 4443 section 4.1), whose checksum the kernel computes (RFC 3542
 * section 3.1).
 */
export function writeEchoRequest(family: 4 | 6, { id, sequence }: EchoId): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + PAYLOAD.length);
  const view = new DataView(bytes.buffer);
  bytes.set(PAYLOAD, HEADER_BYTES);
  view.setUint8(0, family === 4 ? 8 : 128);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  if (family === 4) view.setUint16(2, internetChecksum(bytes));
  return bytes;
}

/** Parses a packet of a raw socket of the family; undefined unless it is a complete echo reply. */
export function readEchoReply(family: 4 | 6, bytes: Uint8Array): EchoId | undefined {
  // An IPv4 raw socket hands over the IP header, an IPv6 one does not (raw(7), ipv6(7)).
  const start = family === 4 ? ((bytes[0] ?? 0) & 0x0f) * 4 : 0;
  if (bytes.length < start + HEADER_BYTES || bytes[start] !== (family === 4 ? 0 : 129)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  return { id: view.getUint16(4), sequence: view.getUint16(6) };
}

/** RFC 1071. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
