import { isUtf8 } from "node:buffer";

/** A lone surrogate encodes a byte that is not UTF-8: this base plus the byte (as in PEP 383). */
const BYTE_MARK = 0xdc00;

/**
 * The text of these bytes. Invalid UTF-8 never becomes other text: its first byte becomes a character that no text file
 * holds. A reader refuses that character, and can report its place.
 */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const at = firstOutside(bytes);
  const mark = String.fromCharCode(BYTE_MARK + (bytes[at] ?? 0));
  return bytes.toString("utf8", 0, at) + mark + bytes.toString("utf8", at + 1);
}

/** Offset of the first byte that belongs to no character. */
function firstOutside(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) break;
    at += length;
  }
  return at;
}
