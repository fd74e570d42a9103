/** Names of the UAPI keys whose values are secrets, each 32 bytes in hex (wireguard.com/xplatform and AmneziaWG's). */
const SECRET_KEYS = ["private_key=", "preshared_key=", "header_protection_key="].map((name) =>
  Buffer.from(name, "latin1"),
);
const HEX_BYTES = 64;
/** No hex digit: an engine that is told a mark refuses it. */
const MARK = "*";

/** Secrets taken out of a request, in hex as they stood there. They are bytes, since no string can be wiped. */
export type ExtractedSecrets = readonly Uint8Array[];

/**
 * Takes the keys out of a line while it is still bytes, and leaves a mark of the same length for each. What is made of
 * the line afterwards, strings that live until some garbage collection and longer, holds no secret.
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
      // Of its own, not of Node's pool for small buffers.
      const secret = Buffer.allocUnsafeSlow(HEX_BYTES);
      value.copy(secret);
      value.write(markOf(extracted.length), "latin1");
      extracted.push(secret);
    }
  }
  return extracted;
}

/** The bytes of a text with its secrets back in their places; to be wiped by who asked for them. */
export function withSecrets(text: string, secrets: ExtractedSecrets): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const digits = bytes.toString("latin1", at + MARK.length, at + HEX_BYTES);
    const secret = digits.length === HEX_BYTES - MARK.length ? secrets[Number(digits)] : undefined;
    if (secret !== undefined) bytes.set(secret, at);
  }
  return bytes;
}

export function copySecrets(secrets: ExtractedSecrets): ExtractedSecrets {
  return secrets.map((secret) => {
    const copy = Buffer.allocUnsafeSlow(secret.length);
    copy.set(secret);
    return copy;
  });
}

export function wipeSecrets(secrets: ExtractedSecrets): void {
  for (const secret of secrets) secret.fill(0);
}

function markOf(index: number): string {
  return `${MARK}${String(index).padStart(HEX_BYTES - MARK.length, "0")}`;
}

function isHexDigit(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 97 && byte <= 102) || (byte >= 65 && byte <= 70);
}
