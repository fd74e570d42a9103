import { createPrivateKey, createPublicKey } from "node:crypto";
import { bytesToBase64 } from "../../uapi/key-text.ts";

/** PKCS #8 and SPKI of X25519 up to the 32 bytes of the key (RFC 8410 sections 4 and 7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_LENGTH = 44;

/** The public key of a private one (RFC 7748), 32 bytes each. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, privateKey]), format: "der", type: "pkcs8" });
  return createPublicKey(key)
    .export({ format: "der", type: "spki" })
    .subarray(SPKI_LENGTH - 32);
}

/** The same in base64, as a configuration names it. */
export function publicKeyText(privateKey: Uint8Array): string {
  return bytesToBase64(publicKeyOf(privateKey));
}
