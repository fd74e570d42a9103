import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";
import { blake2s } from "@noble/hashes/blake2.js";

const X25519_PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
const TAG_BYTES = 16;
const CHACHA_CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** The cryptography of the WireGuard paper (section 5.4) from Node's own, for the peer that is not ours. */
export function hash(...parts: Uint8Array[]): Buffer {
  return createHash("blake2s256").update(Buffer.concat(parts)).digest();
}

/** Keyed BLAKE2s of 16 bytes. */
export function mac(key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  return Buffer.from(blake2s(Buffer.concat(parts), { key, dkLen: 16 }));
}

/** HKDF of the paper: as many keys as are asked for. */
export function kdf<Count extends 1 | 2 | 3>(count: Count, key: Uint8Array, input: Uint8Array): Buffer[] {
  const secret = hmac(key, input);
  const keys: Buffer[] = [];
  for (let number = 1; number <= count; number += 1)
    keys.push(hmac(secret, keys.at(-1) ?? Buffer.alloc(0), Buffer.of(number)));
  return keys;
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  return createHmac("blake2s256", key).update(Buffer.concat(parts)).digest();
}

export function nonceOf(counter: bigint): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(counter, 4);
  return nonce;
}

export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, ad: Uint8Array): Buffer {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(ad, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined where the tag does not fit. */
export function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  decipher.setAAD(ad, { plaintextLength: sealed.length - TAG_BYTES });
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** ChaCha20 (RFC 8439) over zeros: block counter 0, this nonce. */
export function keystream(key: Uint8Array, nonce: Uint8Array, bytes: number): Buffer {
  const start = Buffer.concat([Buffer.alloc(16 - nonce.length), nonce]);
  return createCipheriv("chacha20", key, start).update(Buffer.alloc(bytes));
}

/** The key and nonce that XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) makes of a nonce of 24 bytes. */
export function extended(key: Uint8Array, nonce: Uint8Array): readonly [key: Buffer, nonce: Buffer] {
  const block = keystream(key, nonce.subarray(0, 16), 64);
  const view = Buffer.from(nonce);
  const subkey = Buffer.alloc(32);
  for (let word = 0; word < 4; word += 1) {
    // HChaCha20 leaves out the addition of the initial state that ends a block.
    subkey.writeUInt32LE((block.readUInt32LE(4 * word) - (CHACHA_CONSTANTS[word] ?? 0)) >>> 0, 4 * word);
    const last = (block.readUInt32LE(48 + 4 * word) - view.readUInt32LE(4 * word)) >>> 0;
    subkey.writeUInt32LE(last, 16 + 4 * word);
  }
  return [subkey, Buffer.concat([Buffer.alloc(4), nonce.subarray(16)])];
}

/** An X25519 pair. */
export interface Pair {
  readonly secret: KeyObject;
  readonly publicKey: Buffer;
}

export function pairOf(raw: Uint8Array): Pair {
  const secret = createPrivateKey({ key: Buffer.concat([X25519_PKCS8, raw]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  return { secret, publicKey: spki.subarray(X25519_SPKI.length) };
}

export function agree({ secret }: Pair, theirs: Uint8Array): Buffer {
  const key = Buffer.concat([X25519_SPKI, theirs]);
  return diffieHellman({ privateKey: secret, publicKey: createPublicKey({ key, format: "der", type: "spki" }) });
}
