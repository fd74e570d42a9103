/** Offsets of source and destination in an IP header (RFC 791 section 3.1, RFC 8200 section 3). */
const V4_SOURCE = 12;
const V4_DESTINATION = 16;
const V6_SOURCE = 8;
const V6_DESTINATION = 24;
const V4_HEADER_BYTES = 20;
const V6_HEADER_BYTES = 40;

/** The IP version of the packet at `offset`, when its fixed header fits into `length` bytes; else 0. */
export function ipVersion(bytes: Uint8Array, offset: number, length: number): 0 | 4 | 6 {
  if (length < V4_HEADER_BYTES) return 0;
  const version = (bytes[offset] as number) >>> 4;
  if (version === 4) return 4;
  return version === 6 && length >= V6_HEADER_BYTES ? 6 : 0;
}

/** Offset of the source address from the packet's start. */
export function sourceOffset(version: 4 | 6): number {
  return version === 4 ? V4_SOURCE : V6_SOURCE;
}

/** Offset of the destination address from the packet's start. */
export function destinationOffset(version: 4 | 6): number {
  return version === 4 ? V4_DESTINATION : V6_DESTINATION;
}

/**
 * The length in the IP header at `offset`, without padding. 0 if it is not an IP packet, or the header's length exceeds
 * `length` (paper section 5.4.6: the inner length field removes the padding).
 */
export function innerLength(bytes: Uint8Array, offset: number, length: number): number {
  const version = ipVersion(bytes, offset, length);
  if (version === 0) return 0;
  const field = offset + (version === 4 ? 2 : 4);
  const claimed = ((bytes[field] as number) << 8) | (bytes[field + 1] as number);
  const whole = version === 4 ? claimed : claimed + V6_HEADER_BYTES;
  return whole <= length && whole >= V4_HEADER_BYTES ? whole : 0;
}
