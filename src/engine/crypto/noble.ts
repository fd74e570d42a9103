import { chacha20, chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { type Crypto, TAG_BYTES } from "./crypto.ts";

/** The port over @noble: pure JavaScript, runs anywhere; 15 times slower than OpenSSL on a full packet. */
export const NOBLE_CRYPTO: Crypto = {
  name: "noble",
  aeadSeal: (key, counter, plaintext, ad) => chacha20poly1305(key, transportNonce(counter), ad).encrypt(plaintext),
  aeadOpen: (key, counter, sealed, ad) =>
    open(sealed, () => chacha20poly1305(key, transportNonce(counter), ad).decrypt(sealed)),
  xaeadSeal: (key, nonce, plaintext, ad) => xchacha20poly1305(key, nonce, ad).encrypt(plaintext),
  xaeadOpen: (key, nonce, sealed, ad) => open(sealed, () => xchacha20poly1305(key, nonce, ad).decrypt(sealed)),
  dh(privateKey, publicKey) {
    try {
      return x25519.getSharedSecret(privateKey, publicKey);
    } catch {
      return undefined;
    }
  },
  publicKey: (privateKey) => x25519.getPublicKey(privateKey),
  hash(...parts) {
    const state = blake2s.create({ dkLen: 32 });
    for (const part of parts) state.update(part);
    return state.digest();
  },
  mac16: (key, message) => blake2s(message, { key, dkLen: 16 }),
  chacha20Keystream: (key, nonce, length) => chacha20(key, nonce, new Uint8Array(length)),
  wipe: (bytes) => {
    bytes.fill(0);
  },
};

/** The nonce of a message with this counter: four zero bytes, then 64 bits little-endian (paper section 5.4.6). */
export function transportNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, counter >>> 0, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
  return nonce;
}

function open(sealed: Uint8Array, decrypt: () => Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  try {
    return decrypt();
  } catch {
    return undefined;
  }
}
