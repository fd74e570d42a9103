/** What was wrong with a file of lines, and from which byte on. */
export interface LineDefect {
  /** `torn`: the write of the last line was cut short, so it was never acted upon; `corrupt`: anything else. */
  readonly kind: "torn" | "corrupt";
  readonly offset: number;
}

export interface DecodedLines {
  readonly values: readonly unknown[];
  /** Bytes up to the end of the last whole line. */
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
 * Reads lines back; never throws. The rest after the first defect is left out. JSON holds no raw newline, so an unfinished
 * line is one without a newline; a crash of the machine may also leave blocks of zeros in a line that was not yet synced.
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

function decodeLine(line: Uint8Array): { readonly value: unknown } | undefined {
  const prefix = new TextDecoder("latin1").decode(line.subarray(0, PREFIX_BYTES));
  const match = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/.exec(prefix);
  const body = line.subarray(PREFIX_BYTES);
  if (match === null || hex8(body.length) !== match[1] || hex8(crc32(body)) !== match[2]) return undefined;
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) };
  } catch {
    return undefined;
  }
}

function defectOf(bytes: Uint8Array, offset: number, end: number): LineDefect["kind"] {
  const rest = bytes.subarray(offset);
  const isLast = end === -1 || end === bytes.length - 1;
  return isLast && (end === -1 || rest.includes(0)) ? "torn" : "corrupt";
}

function hex8(value: number): string {
  return value.toString(16).padStart(LENGTH_DIGITS, "0");
}

/** CRC-32 of IEEE 802.3 (reflected, polynomial 0xedb88320). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffff_ffff) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});
