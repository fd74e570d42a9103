import { VECTOR_BYTES } from "../loop/worker-resources.ts";
import type { Sum } from "./checksum.ts";
import { ACK, checksumFits, IPV4_BYTES, IPV6_BYTES, PSH, TCP, UDP } from "./inner-header.ts";

/** The properties of a packet that decide whether it can be joined; one object is reused for all packets. */
export interface Shape {
  /** The packet's offset in the arena, and its length. */
  at: number;
  length: number;
  ipBytes: number;
  protocol: number;
  /** IP and TCP or UDP header. */
  headerBytes: number;
  payloadBytes: number;
  /** TCP's sequence number; 0 for UDP. */
  sequence: number;
  /** TCP: the PSH flag. */
  pushed: boolean;
  /** Whether it may start a joined packet or be added to one. */
  joinable: boolean;
}

/** Fills `shape`; false for packets without ports at a fixed place (fragments, options, extension headers, others). */
export function readShape(view: DataView, at: number, length: number, shape: Shape): boolean {
  const first = view.getUint8(at);
  shape.at = at;
  shape.length = length;
  shape.joinable = false;
  if (first === 0x45) {
    if ((view.getUint16(at + 6) & 0x3fff) !== 0) return false;
    shape.ipBytes = IPV4_BYTES;
    shape.protocol = view.getUint8(at + 9);
  } else if (first >>> 4 === 6) {
    shape.ipBytes = IPV6_BYTES;
    shape.protocol = view.getUint8(at + 6);
  } else return false;
  const l4 = at + shape.ipBytes;
  if (shape.protocol === TCP) {
    if (length < shape.ipBytes + 20) return false;
    const tcpBytes = (view.getUint8(l4 + 12) >>> 4) * 4;
    const flags = view.getUint8(l4 + 13);
    shape.headerBytes = shape.ipBytes + tcpBytes;
    shape.payloadBytes = length - shape.headerBytes;
    shape.sequence = view.getUint32(l4 + 4);
    shape.pushed = (flags & PSH) !== 0;
    shape.joinable = (flags & ~PSH) === ACK && tcpBytes >= 20 && shape.payloadBytes > 0;
    return true;
  }
  if (shape.protocol !== UDP || length < shape.ipBytes + 8) return false;
  shape.headerBytes = shape.ipBytes + 8;
  shape.payloadBytes = length - shape.headerBytes;
  shape.sequence = 0;
  shape.pushed = false;
  shape.joinable =
    shape.payloadBytes > 0 && view.getUint16(l4 + 6) !== 0 && view.getUint16(l4 + 4) === 8 + shape.payloadBytes;
  return true;
}

/** Whether the checksums of a packet are correct: joining writes new ones and must not hide a wrong one. */
export function hasGoodChecksums(sum: Sum, { at, length, ipBytes, protocol }: Shape): boolean {
  if (ipBytes === IPV4_BYTES && sum(at, IPV4_BYTES, 0) !== 0xffff) return false;
  return checksumFits(sum, at, ipBytes, at + length, protocol);
}

/** Joined packets have at most this many parts and bytes. */
export const FLOW_PARTS = 64;
const FLOW_BYTES = 65_535;

/** Packets of one flow, scattered in the arena, that will be written as one. */
export class Flow {
  /** Offset of the iovecs. */
  readonly vectors: number;
  at = 0;
  ipBytes = 0;
  protocol = 0;
  headerBytes = 0;
  /** Payload of each part; the last may have less. */
  segmentBytes = 0;
  length = 0;
  parts = 0;
  pushed = false;
  #nextSequence = 0;
  #closed = false;

  constructor(vectors: number) {
    this.vectors = vectors;
  }

  /** Begins with this packet, in place of what it held. */
  begin(shape: Shape): void {
    this.at = shape.at;
    this.ipBytes = shape.ipBytes;
    this.protocol = shape.protocol;
    this.headerBytes = shape.headerBytes;
    this.segmentBytes = shape.payloadBytes;
    this.length = shape.length;
    this.parts = 1;
    this.pushed = shape.pushed;
    this.#nextSequence = (shape.sequence + shape.payloadBytes) >>> 0;
    this.#closed = shape.pushed;
  }

  /** Whether the packet has the same addresses, protocol and ports. */
  isOf(view: DataView, { at, ipBytes, protocol }: Shape): boolean {
    if (this.parts === 0 || protocol !== this.protocol || ipBytes !== this.ipBytes) return false;
    const from = ipBytes === IPV6_BYTES ? 8 : 12;
    // Addresses and ports are neighbours: 12 bytes in IPv4, 36 in IPv6.
    for (let index = from; index < ipBytes + 4; index += 4) {
      if (view.getInt32(at + index) !== view.getInt32(this.at + index)) return false;
    }
    return true;
  }

  /** Whether a packet of this flow continues it so that segmentation restores the same packets. */
  accepts(view: DataView, shape: Shape): boolean {
    if (this.#closed || !shape.joinable || shape.headerBytes !== this.headerBytes) return false;
    if (shape.payloadBytes > this.segmentBytes || this.parts >= FLOW_PARTS) return false;
    if (this.length + shape.payloadBytes > FLOW_BYTES || !this.#sameIpHeader(view, shape.at)) return false;
    if (shape.protocol === UDP) return true;
    if (shape.sequence !== this.#nextSequence) return false;
    const a = shape.at + shape.ipBytes;
    const b = this.at + this.ipBytes;
    // The acknowledgement, and the window: the joined packet has only one of each (as in the kernel's tcp_gro_receive).
    if (view.getInt32(a + 8) !== view.getInt32(b + 8)) return false;
    if (view.getUint16(a + 14) !== view.getUint16(b + 14)) return false;
    for (let index = 20; index < shape.headerBytes - shape.ipBytes; index += 4) {
      if (view.getInt32(a + index) !== view.getInt32(b + index)) return false;
    }
    return true;
  }

  /** Traffic class, hop limit and don't-fragment must be equal: the joined packet has only one of each. */
  #sameIpHeader(view: DataView, at: number): boolean {
    if (this.ipBytes === IPV6_BYTES) {
      return view.getInt32(at) === view.getInt32(this.at) && view.getUint8(at + 7) === view.getUint8(this.at + 7);
    }
    return (
      view.getUint8(at + 1) === view.getUint8(this.at + 1) &&
      view.getUint8(at + 6) === view.getUint8(this.at + 6) &&
      view.getUint8(at + 8) === view.getUint8(this.at + 8)
    );
  }

  /** Adds the payload of a packet that it accepts, by reference: `base` is the address of the view. */
  append(view: DataView, base: number, shape: Shape): void {
    const vector = this.vectors + this.parts * VECTOR_BYTES;
    const address = base + shape.at + shape.headerBytes;
    view.setUint32(vector, address >>> 0, true);
    view.setUint32(vector + 4, Math.floor(address / 4_294_967_296), true);
    view.setUint32(vector + 8, shape.payloadBytes, true);
    this.parts += 1;
    this.length += shape.payloadBytes;
    this.pushed = shape.pushed;
    this.#nextSequence = (this.#nextSequence + shape.payloadBytes) >>> 0;
    this.#closed = shape.pushed || shape.payloadBytes < this.segmentBytes;
  }
}
