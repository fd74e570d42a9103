/**
 * UAPI keys with secret values, each 32 bytes in hex (wireguard.com/xplatform and AmneziaWG's), and the parts of a proxy's
 * password (src/model/relay/relay-settings.ts).
 */
const SECRET_KEYS = ["private_key=", "preshared_key=", "header_protection_key=", "password_part="].map((name) =>
  Buffer.from(name, "latin1"),
);
const HEX_BYTES = 64;
/** Not a hex digit: an engine refuses a placeholder. */
const PLACEHOLDER = "*";

/** Secrets cut out of a request, in hex. They are bytes, since strings cannot be wiped. */
export type ExtractedSecrets = readonly Uint8Array[];

/**
 * Cuts the keys out of a line of bytes and leaves a placeholder of the same length for each. Strings made from the line
 * afterwards contain no secret.
 *
 * @param line is changed
 */
export function extractSecrets(line: Uint8Array): ExtractedSecrets {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const extracted: Uint8Array[] = [];
  for (const name of SECRET_KEYS) {
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
      const value = bytes.subarray(at + name.length, at + name.length + HEX_BYTES);
      if (value.length < HEX_BYTES || !value.every(isHexDigit)) continue;
      // A separate buffer, not part of Node's pool.
      const secret = Buffer.allocUnsafeSlow(HEX_BYTES);
      value.copy(secret);
      value.write(placeholderOf(extracted.length), "latin1");
      extracted.push(secret);
    }
  }
  return extracted;
}

/** The bytes of a text with its secrets inserted; the caller wipes them. */
export function withSecrets(text: string, secrets: ExtractedSecrets): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  for (let at = bytes.indexOf(PLACEHOLDER); at >= 0; at = bytes.indexOf(PLACEHOLDER, at + 1)) {
    const digits = bytes.toString("latin1", at + PLACEHOLDER.length, at + HEX_BYTES);
    const secret = digits.length === HEX_BYTES - PLACEHOLDER.length ? secrets[Number(digits)] : undefined;
    if (secret !== undefined) bytes.set(secret, at);
  }
  return bytes;
}

/** A copy that outlives the original; wipe both. */
export function copySecrets(secrets: ExtractedSecrets): ExtractedSecrets {
  return secrets.map((secret) => {
    const copy = Buffer.allocUnsafeSlow(secret.length);
    copy.set(secret);
    return copy;
  });
}

/** Overwrites the bytes of these secrets with zeros. */
export function wipeSecrets(secrets: ExtractedSecrets): void {
  for (const secret of secrets) secret.fill(0);
}

function placeholderOf(index: number): string {
  return `${PLACEHOLDER}${String(index).padStart(HEX_BYTES - PLACEHOLDER.length, "0")}`;
}

function isHexDigit(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 97 && byte <= 102) || (byte >= 65 && byte <= 70);
}
