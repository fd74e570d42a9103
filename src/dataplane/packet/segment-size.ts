import { IPV4_BYTES, IPV6_BYTES, TCP } from "./inner-header.ts";

const SYN = 0x02;
/** RFC 9293 section 3.2. */
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;
const SEGMENT_SIZE_BYTES = 4;
const TCP_BYTES = 20;
/** The segment size that every host accepts (RFC 9293 section 3.7.1, RFC 8200 section 5): never clamped below. */
const LEAST = { four: 536, six: 1220 } as const;

/**
 * Clamps the segment size announced in a TCP connection's first packet to what `mtuBytes` allows, and corrects the
 * checksum. Other and malformed packets stay unchanged. Allocates nothing.
 *
 * @param at the offset of the IP packet of `length` bytes
 */
export function clampSegmentSize(view: DataView, at: number, length: number, mtuBytes: number): void {
  const l4 = tcpOfFirst(view, at, length);
  if (l4 === 0) return;
  const six = view.getUint8(at) >>> 4 === 6;
  const most = Math.max(six ? LEAST.six : LEAST.four, mtuBytes - (six ? IPV6_BYTES : IPV4_BYTES) - TCP_BYTES);
  const end = Math.min(at + length, l4 + (view.getUint8(l4 + 12) >>> 4) * 4);
  for (let option = l4 + TCP_BYTES; option < end; ) {
    const kind = view.getUint8(option);
    if (kind === END_OF_OPTIONS) return;
    const bytes = kind === NO_OPERATION ? 1 : option + 1 < end ? view.getUint8(option + 1) : 0;
    if (bytes === 0 || option + bytes > end || (kind !== NO_OPERATION && bytes < 2)) return;
    if (kind === MAXIMUM_SEGMENT_SIZE) {
      if (bytes === SEGMENT_SIZE_BYTES && view.getUint16(option + 2) > most) replace(view, l4, option + 2, most);
      return;
    }
    option += bytes;
  }
}

/** Whether the packet is a SYN or SYN-ACK. Allocates nothing. */
export function isFirstOfTcp(view: DataView, at: number, length: number): boolean {
  return tcpOfFirst(view, at, length) !== 0;
}

/** The offset of the TCP header in a connection's first packet; 0 for every other packet. */
function tcpOfFirst(view: DataView, at: number, length: number): number {
  const first = view.getUint8(at);
  let l4 = at + IPV6_BYTES;
  if (first >>> 4 === 4) {
    if (view.getUint8(at + 9) !== TCP || (view.getUint16(at + 6) & 0x1fff) !== 0) return 0;
    l4 = at + (first & 0xf) * 4;
  } else if (view.getUint8(at + 6) !== TCP) return 0;
  if (l4 + TCP_BYTES > at + length) return 0;
  return (view.getUint8(l4 + 13) & SYN) === 0 ? 0 : l4;
}

/** Replaces a 16-bit word, at an even or odd offset, and updates the checksum (RFC 1624 section 3). */
function replace(view: DataView, l4: number, at: number, word: number): void {
  const isOdd = ((at - l4) & 1) === 1;
  const summed = (value: number) => (isOdd ? ((value & 0xff) << 8) | (value >>> 8) : value);
  const before = summed(view.getUint16(at));
  let sum = (~view.getUint16(l4 + 16) & 0xffff) + (~before & 0xffff) + summed(word);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at, word);
  view.setUint16(l4 + 16, ~sum & 0xffff);
}
