import { AwgError } from "../../model/error.ts";

/** A field of a C struct: offset and size in bytes. */
export type FieldAt = readonly [offset: number, size: number];

/** A C struct in macOS's layout, with the fields that awg uses. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldAt>>;
}

/** An unsigned integer of 1, 2 or 4 bytes in native order; every Mac is little-endian. Throws past the end. */
export function readUnsigned(bytes: Uint8Array, base: number, [offset, size]: FieldAt): number {
  const at = base + offset;
  if (at < 0 || at + size > bytes.length) throw tooShort(at + size, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 1) return view.getUint8(at);
  return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
}

/** The same, signed. */
export function readSigned(bytes: Uint8Array, base: number, field: FieldAt): number {
  const value = readUnsigned(bytes, base, field);
  const half = 2 ** (8 * field[1] - 1);
  return value >= half ? value - 2 * half : value;
}

/** An unsigned integer of 8 bytes. Throws past the end. */
export function readUnsigned64(bytes: Uint8Array, base: number, [offset]: FieldAt): bigint {
  const at = base + offset;
  if (at < 0 || at + 8 > bytes.length) throw tooShort(at + 8, bytes.length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at, true);
}

/** The same, signed. */
export function readSigned64(bytes: Uint8Array, base: number, field: FieldAt): bigint {
  return BigInt.asIntN(64, readUnsigned64(bytes, base, field));
}

/** Writes an integer, signed or not, into a field of 1, 2 or 4 bytes. */
export function writeNumber(bytes: Uint8Array, base: number, [offset, size]: FieldAt, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 1) view.setUint8(base + offset, value);
  else if (size === 2) view.setUint16(base + offset, value, true);
  else view.setUint32(base + offset, value, true);
}

/** Writes an unsigned integer of 8 bytes. */
export function writeNumber64(bytes: Uint8Array, base: number, [offset]: FieldAt, value: bigint): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setBigUint64(base + offset, value, true);
}

/** The text of a field of characters up to its first NUL; every other control character becomes "?". */
export function readCharacters(bytes: Uint8Array, base: number, [offset, size]: FieldAt): string {
  const field = bytes.subarray(base + offset, Math.min(base + offset + size, bytes.length));
  const end = field.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** Writes a text with at least one NUL after it. Throws AwgError("bug") when it does not fit. */
export function writeCharacters(bytes: Uint8Array, base: number, [offset, size]: FieldAt, text: string): void {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length >= size)
    throw new AwgError("bug", `"${text}" is longer than the ${size - 1} bytes macOS has for it`);
  bytes.set(encoded, base + offset);
}

/** Refuses a struct of another size than macOS's. Throws AwgError("host"). */
export function demandSize(bytes: Uint8Array, size: number, struct: string): void {
  if (bytes.length !== size) throw malformed(`struct ${struct} of ${bytes.length} bytes instead of ${size}`);
}

/** The error for invalid bytes from the kernel; the caller reads everything again. */
export function malformed(what: string): AwgError {
  return new AwgError("host", `macOS sent a message that awg cannot read: ${what}`);
}

function tooShort(needed: number, there: number): AwgError {
  return malformed(`expected ${needed} bytes, got ${there}`);
}
