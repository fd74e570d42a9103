import { fold, type Sum, swap16 } from "./checksum.ts";

/** Protocol numbers (IANA). */
export const TCP = 6;
export const UDP = 17;

/** Bytes of the IP headers without options. */
export const IPV4_BYTES = 20;
export const IPV6_BYTES = 40;

/** Offset of the checksum in the protocol's header. */
export const TCP_CHECKSUM_AT = 16;
export const UDP_CHECKSUM_AT = 6;

/** Bits of TCP's flag byte (RFC 9293 section 3.1). */
export const FIN = 0x01;
export const PSH = 0x08;
export const ACK = 0x10;
export const CWR = 0x80;

/** The pseudo header's part of a TCP or UDP checksum (RFC 9293 section 3.1, RFC 8200 section 8.1), unfolded. */
export function pseudoSum(sum: Sum, at: number, six: boolean, protocol: number, payloadBytes: number): number {
  const addresses = six ? sum(at + 8, 32, 0) : sum(at + 12, 8, 0);
  return addresses + (protocol << 8) + swap16(payloadBytes);
}

/** Writes the header checksum of an IPv4 packet without options. */
export function writeIpv4Checksum(view: DataView, sum: Sum, at: number): void {
  view.setUint16(at + 10, 0);
  view.setUint16(at + 10, ~sum(at, IPV4_BYTES, 0) & 0xffff, true);
}

/** Completes a checksum that the kernel left open: the field already has the pseudo header's sum. */
export function completeChecksum(view: DataView, sum: Sum, from: number, field: number, end: number): void {
  const checksum = ~sum(from, end - from, 0) & 0xffff;
  view.setUint16(field, checksum === 0 ? 0xffff : checksum, true);
}

/** Whether the TCP or UDP checksum of a packet is correct. */
export function checksumFits(sum: Sum, at: number, ipBytes: number, end: number, protocol: number): boolean {
  const bytes = end - at - ipBytes;
  const pseudo = fold(pseudoSum(sum, at, ipBytes === IPV6_BYTES, protocol, bytes));
  return sum(at + ipBytes, bytes, pseudo) === 0xffff;
}
