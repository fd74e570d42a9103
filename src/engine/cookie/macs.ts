import type { Crypto } from "../crypto/crypto.ts";
import { equalBytes } from "../crypto/kdf.ts";
import { INITIATION, RESPONSE } from "../noise/message.ts";

const LABEL_MAC1 = Uint8Array.from("mac1----", (character) => character.charCodeAt(0));
const LABEL_COOKIE = Uint8Array.from("cookie--", (character) => character.charCodeAt(0));

/** Bytes of mac1, of mac2 and of a cookie. */
export const MAC_BYTES = 16;

/** The key of mac1 in messages to the owner of the public key, paper section 5.4.4. */
export function mac1Key(crypto: Crypto, receiverStatic: Uint8Array): Uint8Array {
  return crypto.hash(LABEL_MAC1, receiverStatic);
}

/** The key that seals cookies from the owner of the public key, section 5.4.7. */
export function cookieKey(crypto: Crypto, senderStatic: Uint8Array): Uint8Array {
  return crypto.hash(LABEL_COOKIE, senderStatic);
}

/** Offset of mac1 in an initiation or response; mac2 follows it, and nothing follows mac2. */
export function mac1Offset(message: Uint8Array): number {
  return message.length === INITIATION.bytes ? INITIATION.mac1 : RESPONSE.mac1;
}

/**
 * Fills mac1 of a handshake message, and mac2 if there is a cookie (else it stays zero). Both cover the type word, so
 * it must be final.
 */
export function writeMacs(crypto: Crypto, message: Uint8Array, key: Uint8Array, cookie: Uint8Array | undefined): void {
  const offset = mac1Offset(message);
  message.set(crypto.mac16(key, message.subarray(0, offset)), offset);
  if (cookie === undefined) return;
  message.set(crypto.mac16(cookie, message.subarray(0, offset + MAC_BYTES)), offset + MAC_BYTES);
}

/** Whether mac1 was made with the receiver's public key. */
export function isMac1Valid(crypto: Crypto, message: Uint8Array, key: Uint8Array): boolean {
  const offset = mac1Offset(message);
  return equalBytes(crypto.mac16(key, message.subarray(0, offset)), message.subarray(offset, offset + MAC_BYTES));
}

/** Whether mac2 was made with this cookie. */
export function isMac2Valid(crypto: Crypto, message: Uint8Array, cookie: Uint8Array): boolean {
  const offset = mac1Offset(message) + MAC_BYTES;
  return equalBytes(crypto.mac16(cookie, message.subarray(0, offset)), message.subarray(offset));
}
