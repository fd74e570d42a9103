import { AwgError } from "../../model/error.ts";

/**
 * Netlink integers are in native byte order. awg runs on little-endian Linux only (x64, arm64), so they are
 * little-endian throughout; attributes of nf_tables and conntrack are big-endian and use `u32be`.
 */
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

/** Rounds up to netlink's alignment of 4 (NLMSG_ALIGN, NLA_ALIGN). */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** The error for invalid bytes from the kernel. */
export function malformed(what: string): AwgError {
  return new AwgError("host", `the kernel sent a netlink message that awg cannot read: ${what}`);
}

/**
 * Writes netlink messages into a growing buffer. One writer serves many messages: `take()` copies the message and
 * clears the writer.
 */
export class MessageWriter {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Reserves `count` zeroed bytes and returns their offset. */
  reserve(count: number): number {
    const start = this.#length;
    const end = start + count;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.fill(0, start, end);
    this.#length = end;
    return start;
  }

  u8(value: number): void {
    this.#view.setUint8(this.reserve(1), value);
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.#view.setUint32(at, value, true);
  }

  bytes(data: Uint8Array): void {
    const at = this.reserve(data.length);
    this.#bytes.set(data, at);
  }

  /** Overwrites an integer written or reserved before. */
  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  /** Opens an attribute; everything written until `end` is its value. Returns the mark for `end`. */
  begin(type: number, nested = true): number {
    const at = this.reserve(4);
    this.#view.setUint16(at + 2, nested ? type | NESTED : type, true);
    return at;
  }

  /** Closes an attribute: writes its length and pads to 4 bytes. */
  end(mark: number): void {
    const length = this.#length - mark;
    if (length > 0xffff)
      throw new AwgError("bug", `a netlink attribute of ${length} bytes does not fit its length field`);
    this.#view.setUint16(mark, length, true);
    this.reserve(align4(length) - length);
  }

  attribute(type: number, data: Uint8Array): void {
    const mark = this.begin(type, false);
    this.bytes(data);
    this.end(mark);
  }

  attributeU8(type: number, value: number): void {
    const mark = this.begin(type, false);
    this.u8(value);
    this.end(mark);
  }

  attributeU16(type: number, value: number): void {
    const mark = this.begin(type, false);
    this.u16(value);
    this.end(mark);
  }

  attributeU32(type: number, value: number): void {
    const mark = this.begin(type, false);
    this.u32(value);
    this.end(mark);
  }

  attributeU16be(type: number, value: number): void {
    const mark = this.begin(type, false);
    this.#view.setUint16(this.reserve(2), value, false);
    this.end(mark);
  }

  attributeU32be(type: number, value: number): void {
    const mark = this.begin(type, false);
    const at = this.reserve(4);
    this.#view.setUint32(at, value, false);
    this.end(mark);
  }

  attributeU64be(type: number, value: bigint): void {
    const mark = this.begin(type, false);
    const at = this.reserve(8);
    this.#view.setBigUint64(at, value, false);
    this.end(mark);
  }

  /** Text with the NUL the kernel expects at its end. */
  attributeText(type: number, text: string): void {
    const mark = this.begin(type, false);
    this.bytes(new TextEncoder().encode(text));
    this.u8(0);
    this.end(mark);
  }

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array {
    const copy = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return copy;
  }

  #grow(wanted: number): void {
    let size = this.#bytes.length;
    while (size < wanted) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/**
 * Visits the attributes in bytes[start, end) with the type (flags removed) and the position of the value of each.
 *
 * @throws AwgError("host") when a length exceeds the message: nothing outside it is ever read.
 */
export function eachAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  let at = start;
  while (at + 4 <= end) {
    const length = readU16(bytes, at);
    if (length < 4 || at + length > end) throw malformed(`an attribute of ${length} bytes where ${end - at} are left`);
    visit(readU16(bytes, at + 2) & TYPE_MASK, at + 4, at + length);
    at += align4(length);
  }
}

/** The attributes of one level by type, the last of a type winning; values are views into `bytes`. */
export function attributeMap(bytes: Uint8Array, start = 0, end = bytes.length): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  eachAttribute(bytes, start, end, (type, from, to) => found.set(type, bytes.subarray(from, to)));
  return found;
}

/** The values of a list of nested attributes, whose types only mean "element". */
export function attributeList(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  eachAttribute(bytes, 0, bytes.length, (_type, from, to) => found.push(bytes.subarray(from, to)));
  return found;
}

function need(bytes: Uint8Array, at: number, width: number): void {
  if (at < 0 || at + width > bytes.length)
    throw malformed(`${width} bytes expected where ${bytes.length - at} are left`);
}

/** An unsigned byte at a position. As all readers below: AwgError host where the bytes end before the value. */
export function readU8(bytes: Uint8Array, at = 0): number {
  need(bytes, at, 1);
  return bytes[at] as number;
}

/** An unsigned number of 16 bits, lowest byte first. */
export function readU16(bytes: Uint8Array, at = 0): number {
  need(bytes, at, 2);
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** An unsigned number of 32 bits, lowest byte first. */
export function readU32(bytes: Uint8Array, at = 0): number {
  need(bytes, at, 4);
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0;
}

/** A signed number of 32 bits, lowest byte first. */
export function readI32(bytes: Uint8Array, at = 0): number {
  return readU32(bytes, at) | 0;
}

/** An unsigned number of 16 bits, highest byte first: a port. */
export function readU16be(bytes: Uint8Array, at = 0): number {
  need(bytes, at, 2);
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** An unsigned number of 32 bits, highest byte first: most numbers of nf_tables. */
export function readU32be(bytes: Uint8Array, at = 0): number {
  return ((readU16be(bytes, at) << 16) | readU16be(bytes, at + 2)) >>> 0;
}

/** An unsigned number of 64 bits, highest byte first: handles and counters of nf_tables. */
export function readU64be(bytes: Uint8Array, at = 0): bigint {
  return (BigInt(readU32be(bytes, at)) << 32n) | BigInt(readU32be(bytes, at + 4));
}

const UTF8 = new TextDecoder();

/** Text up to its NUL or the end; bytes that are no UTF-8 become U+FFFD. */
export function readText(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  return UTF8.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
}

/** Bytes as lower-case hex, with `separator` between them. */
export function bytesToHex(bytes: Uint8Array, separator = ""): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}
