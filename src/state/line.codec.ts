/** A defect in a file of lines, and its byte offset. */
export interface LineDefect {
  /** `torn`: the last write was interrupted, so no action depended on it. `corrupt`: anything else. */
  readonly kind: "torn" | "corrupt";
  readonly offset: number;
}

export interface DecodedLines {
  readonly values: readonly unknown[];
  /** Bytes up to the end of the last complete line. */
  readonly validBytes: number;
  readonly defect: LineDefect | undefined;
}

const LENGTH_DIGITS = 8;
const PREFIX_BYTES = LENGTH_DIGITS + 1 + 8 + 1;
const NEWLINE = 0x0a;

/** One value as a line: length of the JSON in bytes and its CRC-32, both 8 hex digits, the JSON, a newline. */
export function encodeLine(value: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const prefix = new TextEncoder().encode(`${hex8(body.length)} ${hex8(crc32(body))} `);
  const line = new Uint8Array(PREFIX_BYTES + body.length + 1);
  line.set(prefix);
  line.set(body, PREFIX_BYTES);
  line[line.length - 1] = NEWLINE;
  return line;
}

/**
 * Parses lines; never throws, and ignores everything after the first defect. JSON contains no raw newline, so an
 * unfinished line has none. A crash of the host may also leave zeroed blocks in an unsynced line.
 */
export function decodeLines(bytes: Uint8Array): DecodedLines {
  const values: unknown[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(NEWLINE, offset);
    const value = end === -1 ? undefined : decodeLine(bytes.subarray(offset, end));
    if (value === undefined)
      return { values, validBytes: offset, defect: { kind: defectOf(bytes, offset, end), offset } };
    values.push(value.value);
    offset = end + 1;
  }
  return { values, validBytes: offset, defect: undefined };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function decodeLine(line: Uint8Array): { readonly value: unknown } | undefined {
  const prefix = String.fromCharCode(...line.subarray(0, PREFIX_BYTES));
  const match = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/.exec(prefix);
  const body = line.subarray(PREFIX_BYTES);
  if (match === null || hex8(body.length) !== match[1] || hex8(crc32(body)) !== match[2]) return undefined;
  try {
    return { value: JSON.parse(UTF8.decode(body)) };
  } catch {
    return undefined;
  }
}

/** A last line with its full length was written completely, even if its newline is damaged. */
function defectOf(bytes: Uint8Array, offset: number, end: number): LineDefect["kind"] {
  const rest = bytes.subarray(offset);
  if (end !== -1 && end !== bytes.length - 1) return "corrupt";
  return (end === -1 && isUnfinished(rest)) || hasHole(rest) ? "torn" : "corrupt";
}

function isUnfinished(line: Uint8Array): boolean {
  const length = /^([0-9a-f]{8}) /.exec(String.fromCharCode(...line.subarray(0, PREFIX_BYTES)))?.[1];
  return (
    line.length < PREFIX_BYTES || (length !== undefined && line.length <= PREFIX_BYTES + Number.parseInt(length, 16))
  );
}

/**
 * Whether blocks of it were never written: zeros at its start, at its end, or over more than one byte. A flipped bit
 * makes no such hole.
 */
function hasHole(line: Uint8Array): boolean {
  return line[0] === 0 || line.at(-1) === 0 || line.some((byte, at) => byte === 0 && line[at + 1] === 0);
}

function hex8(value: number): string {
  return value.toString(16).padStart(LENGTH_DIGITS, "0");
}

/**
 * CRC-32 of IEEE 802.3 (reflected, polynomial 0xedb88320), four bytes per step: table k has the remainder of a byte
 * after k more bytes (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation").
 * Loading zlib's version at each start costs more milliseconds than it saves.
 */
export function crc32(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const tables = CRC_TABLES;
  let crc = 0xffff_ffff;
  let index = 0;
  for (; index + 4 <= length; index += 4) {
    crc ^= view.getInt32(index, true);
    crc =
      (tables[0x300 | (crc & 0xff)] as number) ^
      (tables[0x200 | ((crc >>> 8) & 0xff)] as number) ^
      (tables[0x100 | ((crc >>> 16) & 0xff)] as number) ^
      (tables[crc >>> 24] as number);
  }
  for (; index < length; index += 1) {
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[index] as number)) & 0xff] as number);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Four consecutive tables of 256 entries. */
const CRC_TABLES = crcTables();

function crcTables(): Uint32Array {
  const tables = new Uint32Array(4 * 256);
  for (let index = 0; index < 256; index += 1) {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
    tables[index] = value;
  }
  for (let index = 256; index < tables.length; index += 1) {
    const before = tables[index - 256] as number;
    tables[index] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}
