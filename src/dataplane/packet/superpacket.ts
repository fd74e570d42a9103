import type { Arena } from "../../native/memory/arena.ffi.ts";
import type { Sum } from "./checksum.ts";
import { fold } from "./checksum.ts";
import {
  CWR,
  completeChecksum,
  FIN,
  IPV4_BYTES,
  IPV6_BYTES,
  PSH,
  pseudoSum,
  TCP,
  TCP_CHECKSUM_AT,
  UDP,
  UDP_CHECKSUM_AT,
  writeIpv4Checksum,
} from "./inner-header.ts";
import { CUT, CUT_ECN, NEEDS_CHECKSUM } from "./virtio-header.ts";

/** IPv6 and the longest TCP header, rounded up; packets with extension headers are never segmented. */
const TEMPLATE_BYTES = 128;

/**
 * A packet that the kernel left for us to segment (virtio 1.2 section 5.1.6): TCP or UDP payload of up to 64 KiB after
 * one header. It is segmented in place: each segment's header is written before its payload, over payload that was
 * already used.
 */
export class Superpacket {
  /** How many segments there are; 0: the packet is malformed. */
  count = 0;
  /** Bytes of every segment but the last, header included. */
  segmentLength = 0;
  readonly #arena: Arena;
  readonly #sum: Sum;
  readonly #template: number;
  #at = 0;
  #ipBytes = 0;
  #headerBytes = 0;
  #payloadBytes = 0;
  #segmentBytes = 0;
  #protocol = 0;
  #identification = 0;
  #sequence = 0;
  #flags = 0;

  constructor(arena: Arena, sum: Sum) {
    this.#arena = arena;
    this.#sum = sum;
    this.#template = arena.reserve(TEMPLATE_BYTES);
  }

  /**
   * Parses the packet of `length` bytes at `at` and copies its header. `kind` and `segmentBytes` are from the virtio
   * header.
   */
  open(at: number, length: number, kind: number, segmentBytes: number): boolean {
    const { view, bytes } = this.#arena;
    const cut = kind & ~CUT_ECN;
    const first = view.getUint8(at);
    const six = first >>> 4 === 6;
    this.count = 0;
    this.#at = at;
    this.#ipBytes = six ? IPV6_BYTES : (first & 0xf) * 4;
    this.#protocol = cut === CUT.udp ? UDP : TCP;
    const known = cut === CUT.udp || (six ? cut === CUT.tcp6 : cut === CUT.tcp4);
    const l4 = at + this.#ipBytes;
    if (!known || segmentBytes === 0 || this.#ipBytes < IPV4_BYTES || length <= this.#ipBytes + 8) return false;
    if (this.#protocol === TCP && length <= this.#ipBytes + 20) return false;
    if (view.getUint8(six ? at + 6 : at + 9) !== this.#protocol) return false;
    this.#headerBytes = this.#ipBytes + (this.#protocol === TCP ? (view.getUint8(l4 + 12) >>> 4) * 4 : 8);
    this.#payloadBytes = length - this.#headerBytes;
    if (this.#payloadBytes <= 0 || this.#headerBytes > TEMPLATE_BYTES) return false;
    this.#segmentBytes = Math.min(segmentBytes, this.#payloadBytes);
    this.#identification = six ? 0 : view.getUint16(at + 4);
    this.#sequence = this.#protocol === TCP ? view.getUint32(l4 + 4) : 0;
    this.#flags = this.#protocol === TCP ? view.getUint8(l4 + 13) : 0;
    bytes.copyWithin(this.#template, at, at + this.#headerBytes);
    this.count = Math.ceil(this.#payloadBytes / this.#segmentBytes);
    this.segmentLength = this.#headerBytes + this.#segmentBytes;
    return true;
  }

  /** Bytes of segment `index`, header included. */
  lengthOf(index: number): number {
    return this.#headerBytes + Math.min(this.#segmentBytes, this.#payloadBytes - index * this.#segmentBytes);
  }

  /** Builds segment `index`, in ascending order, and returns its offset. */
  write(index: number): number {
    const { view, bytes } = this.#arena;
    const length = this.lengthOf(index);
    const at = this.#at + index * this.#segmentBytes;
    const ipBytes = this.#ipBytes;
    const l4 = at + ipBytes;
    bytes.copyWithin(at, this.#template, this.#template + this.#headerBytes);
    if (ipBytes === IPV6_BYTES && view.getUint8(at) >>> 4 === 6) view.setUint16(at + 4, length - IPV6_BYTES);
    else {
      view.setUint16(at + 2, length);
      view.setUint16(at + 4, this.#identification + index);
      if (ipBytes === IPV4_BYTES) writeIpv4Checksum(view, this.#sum, at);
      else this.#writeLongIpv4Checksum(at);
    }
    if (this.#protocol === TCP) this.#writeTcp(l4, index);
    else view.setUint16(l4 + 4, length - ipBytes);
    const field = l4 + (this.#protocol === TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT);
    const six = view.getUint8(at) >>> 4 === 6;
    view.setUint16(field, fold(pseudoSum(this.#sum, at, six, this.#protocol, length - ipBytes)), true);
    completeChecksum(view, this.#sum, l4, field, at + length);
    return at;
  }

  /** FIN and PSH belong to the last segment, CWR to the first (RFC 3168 section 6.1.2). */
  #writeTcp(l4: number, index: number): void {
    const { view } = this.#arena;
    let flags = this.#flags;
    if (index < this.count - 1) flags &= ~(FIN | PSH);
    if (index > 0) flags &= ~CWR;
    view.setUint32(l4 + 4, this.#sequence + index * this.#segmentBytes);
    view.setUint8(l4 + 13, flags);
  }

  #writeLongIpv4Checksum(at: number): void {
    const { view } = this.#arena;
    view.setUint16(at + 10, 0);
    view.setUint16(at + 10, ~this.#sum(at, this.#ipBytes, 0) & 0xffff, true);
  }
}

/**
 * Completes the checksum of an unsegmented packet if the virtio header at `header` requests it; false when that is
 * malformed.
 */
export function completeFromVirtio(view: DataView, sum: Sum, header: number, at: number, length: number): boolean {
  if ((view.getUint8(header) & NEEDS_CHECKSUM) === 0) return true;
  const from = view.getUint16(header + 6, true);
  const field = from + view.getUint16(header + 8, true);
  if (field + 2 > length) return false;
  completeChecksum(view, sum, at + from, at + field, at + length);
  return true;
}
