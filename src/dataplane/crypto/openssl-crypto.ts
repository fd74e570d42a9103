import { type Crypto, KEY_BYTES, TAG_BYTES } from "../../engine/crypto/crypto.ts";
import { NOBLE_CRYPTO, transportNonce } from "../../engine/crypto/noble.ts";
import { messageOf } from "../../model/error.ts";
import { type EvpCrypto, openEvpCrypto } from "../../native/openssl/evp-crypto.ffi.ts";
import { keyFromHex } from "../../uapi/key-text.ts";

/** The cryptography in use, and the reason if it is not OpenSSL's. */
export interface ChosenCrypto {
  readonly crypto: Crypto;
  /** Undefined: OpenSSL passed its self-test. */
  readonly fallbackReason: string | undefined;
}

/** OpenSSL if it is available and agrees with @noble on every operation; otherwise @noble, with the reason. */
export function chooseCrypto(fillRandom: (into: Uint8Array) => void, open = openEvpCrypto): ChosenCrypto {
  try {
    const crypto = opensslCrypto(open());
    const disagreement = firstDisagreement(crypto, NOBLE_CRYPTO, fillRandom);
    if (disagreement === undefined) return { crypto, fallbackReason: undefined };
    return { crypto: NOBLE_CRYPTO, fallbackReason: `OpenSSL failed its self-test: ${disagreement} differs` };
  } catch (error) {
    return { crypto: NOBLE_CRYPTO, fallbackReason: messageOf(error) };
  }
}

/** The engine's port over OpenSSL. */
export function opensslCrypto(evp: EvpCrypto): Crypto {
  const xKeyAndNonce = (key: Uint8Array, nonce: Uint8Array) => {
    const inner = new Uint8Array(12);
    inner.set(nonce.subarray(16, 24), 4);
    return [hchacha(evp, key, nonce.subarray(0, 16)), inner] as const;
  };
  return {
    name: "openssl",
    aeadSeal: (key, counter, plaintext, ad) => evp.seal(key, transportNonce(counter), plaintext, ad),
    aeadOpen: (key, counter, sealed, ad) => evp.open(key, transportNonce(counter), sealed, ad),
    xaeadSeal: (key, nonce, plaintext, ad) => evp.seal(...xKeyAndNonce(key, nonce), plaintext, ad),
    xaeadOpen: (key, nonce, sealed, ad) => evp.open(...xKeyAndNonce(key, nonce), sealed, ad),
    dh: evp.dh,
    publicKey: evp.publicKey,
    hash: evp.hash,
    mac16: evp.mac16,
    chacha20Keystream(key, nonce, length) {
      const start = new Uint8Array(16);
      start.set(nonce, 4);
      return evp.keystream(key, start, length);
    },
    wipe: (bytes) => {
      bytes.fill(0);
    },
  };
}

/** "expand 32-byte k", the first four words of ChaCha's state (RFC 8439 section 2.3). */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

/**
 * HChaCha20 (draft-irtf-cfrg-xchacha section 2.2): ChaCha20's rounds without the final addition, so a block of
 * keystream minus the initial state.
 */
function hchacha(evp: EvpCrypto, key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const block = new DataView(evp.keystream(key, nonce, 64).buffer);
  const start = new DataView(nonce.buffer, nonce.byteOffset, 16);
  const out = new DataView(new ArrayBuffer(KEY_BYTES));
  for (const [index, word] of SIGMA.entries()) {
    out.setUint32(4 * index, block.getUint32(4 * index, true) - word, true);
    const last = block.getUint32(48 + 4 * index, true) - start.getUint32(4 * index, true);
    out.setUint32(16 + 4 * index, last, true);
  }
  return new Uint8Array(out.buffer);
}

/** Lengths around the block sizes of ChaCha, Poly1305 and OpenSSL's vector code. */
const PROBE_LENGTHS = [0, 1, 15, 16, 63, 64, 65, 255, 256, 511, 513, 1420] as const;

/**
 * The first operation in which two implementations differ on random input, or key exchange from RFC 7748's vectors;
 * undefined for none. @noble's first key exchange takes 40 ms, more than the rest of an engine's start, so that one
 * uses known answers.
 */
export function firstDisagreement(a: Crypto, b: Crypto, fillRandom: (into: Uint8Array) => void): string | undefined {
  const random = (length: number) => {
    const bytes = new Uint8Array(length);
    fillRandom(bytes);
    return bytes;
  };
  for (const length of PROBE_LENGTHS) {
    const [key, nonce, text, ad] = [random(KEY_BYTES), random(24), random(length), random(length % 33)];
    const counter = length * 2 ** 30 + length;
    const [sealed, xsealed] = [a.aeadSeal(key, counter, text, ad), a.xaeadSeal(key, nonce, text, ad)];
    if (!same(sealed, b.aeadSeal(key, counter, text, ad))) return "sealing";
    if (!same(a.aeadOpen(key, counter, sealed, ad), text)) return "opening";
    if (!same(xsealed, b.xaeadSeal(key, nonce, text, ad))) return "sealing with a long nonce";
    if (!same(a.xaeadOpen(key, nonce, xsealed, ad), text)) return "opening with a long nonce";
    sealed[sealed.length - TAG_BYTES] = (sealed[sealed.length - TAG_BYTES] ?? 0) ^ 1;
    if (a.aeadOpen(key, counter, sealed, ad) !== undefined) return "refusing a wrong tag";
    if (!same(a.hash(text, ad), b.hash(text, ad))) return "hash";
    if (!same(a.mac16(key, text), b.mac16(key, text))) return "mac";
    const stream = nonce.subarray(0, 12);
    if (!same(a.chacha20Keystream(key, stream, length), b.chacha20Keystream(key, stream, length))) return "keystream";
  }
  return wrongKeyExchange(a);
}

/** RFC 7748, section 6.1: Alice's keys; section 5.2: a scalar, a point, and their product. */
const KNOWN = {
  privateKey: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
  publicKey: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
  scalar: "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
  point: "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
  product: "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
} as const;

function wrongKeyExchange({ publicKey, dh }: Crypto): string | undefined {
  const known = (name: keyof typeof KNOWN) => keyFromHex(KNOWN[name]) ?? new Uint8Array();
  if (!same(publicKey(known("privateKey")), known("publicKey"))) return "public key";
  if (!same(dh(known("scalar"), known("point")), known("product"))) return "key exchange";
  return dh(known("scalar"), new Uint8Array(KEY_BYTES)) === undefined ? undefined : "refusing a key of low order";
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
