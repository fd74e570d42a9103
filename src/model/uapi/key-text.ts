/** Lower-case hex of bytes, as UAPI writes keys. */
export function bytesToHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The 32 bytes of 64 hex digits; undefined for any other text. */
export function keyFromHex(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) return undefined;
  const bytes = new Uint8Array(32);
  for (let index = 0; index < 32; index += 1) {
    bytes[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
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

/** Whether every byte is 0: UAPI's way to say "no preshared key". */
export function isZeroKey(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * A private key as X25519 uses it (RFC 7748 section 5): five bits have one value only. Engines give back the clamped
 * form, so this is the form whose id is kept.
 */
export function clampPrivateKey(bytes: Uint8Array): Uint8Array {
  const clamped = Uint8Array.from(bytes);
  clamped[0] = (clamped[0] ?? 0) & 0xf8;
  clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40;
  return clamped;
}
