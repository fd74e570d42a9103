const HEX = "0123456789abcdef";

/** Lower-case hex of bytes, as UAPI writes keys. */
export function bytesToHex(bytes: Uint8Array): string {
  // A text joined from 32 pieces takes three times as long as a map's key, and a set has thousands.
  const codes: number[] = [];
  for (const byte of bytes) codes.push(HEX.charCodeAt(byte >> 4), HEX.charCodeAt(byte & 15));
  return String.fromCharCode(...codes);
}

/** The 32 bytes of 64 hex digits; undefined for any other text. */
export function keyFromHex(text: string): Uint8Array | undefined {
  if (text.length !== 64) return undefined;
  const bytes = new Uint8Array(32);
  for (let index = 0; index < 32; index += 1) {
    const [high, low] = [hexDigit(text.charCodeAt(2 * index)), hexDigit(text.charCodeAt(2 * index + 1))];
    if (high < 0 || low < 0) {
      bytes.fill(0);
      return undefined;
    }
    bytes[index] = 16 * high + low;
  }
  return bytes;
}

/** The value of 0-9, a-f, A-F; -1 for any other character. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Base64 of bytes, as WireGuard's tools and awg's specs write public keys. */
export function bytesToBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The 32 bytes of a key in base64; undefined for any other text, a non-canonical ending included. */
export function keyFromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return bytesToBase64(bytes) === text ? bytes : undefined;
}

/**
 * The same for text that is still bytes, with white space or a byte order mark around it. No string is made: strings
 * cannot be wiped.
 */
export function keyFromBase64Bytes(encoded: Uint8Array): Uint8Array | undefined {
  let [start, end] = [isMarked(encoded) ? BYTE_ORDER_MARK.length : 0, encoded.length];
  while (start < end && isSpace(encoded[start])) start += 1;
  while (end > start && isSpace(encoded[end - 1])) end -= 1;
  if (end - start !== KEY_DIGITS + 1 || encoded[end - 1] !== EQUALS) return undefined;
  const bytes = new Uint8Array(32);
  let [bits, count, written] = [0, 0, 0];
  for (let at = start; at < end - 1; at += 1) {
    const digit = digitOf(encoded[at] ?? 0);
    if (digit === undefined) return undefined;
    bits = ((bits << 6) | digit) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[written] = bits >> count;
    written += 1;
  }
  // 43 digits are 258 bits. The last two belong to no byte, and are 0 in the only accepted form.
  return (bits & 3) === 0 ? bytes : undefined;
}

const KEY_DIGITS = 43;
const EQUALS = 61;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function isMarked(bytes: Uint8Array): boolean {
  return BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
}

/** Space, and tab to carriage return. */
function isSpace(byte: number | undefined): boolean {
  return byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);
}

/** RFC 4648 section 4: A-Z, a-z, 0-9, +, /. */
function digitOf(byte: number): number | undefined {
  if (byte >= 65 && byte <= 90) return byte - 65;
  if (byte >= 97 && byte <= 122) return byte - 71;
  if (byte >= 48 && byte <= 57) return byte + 4;
  if (byte === 43) return 62;
  return byte === 47 ? 63 : undefined;
}

/** Whether every byte is 0, which in UAPI means "no preshared key". */
export function isZeroKey(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * A private key as X25519 uses it (RFC 7748 section 5): five bits are fixed. Engines return this clamped form, so the
 * id of this form is kept.
 */
export function clampPrivateKey(bytes: Uint8Array): Uint8Array {
  const clamped = Uint8Array.from(bytes);
  clamped[0] = (clamped[0] ?? 0) & 0xf8;
  clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40;
  return clamped;
}
