import { AwgError } from "../../model/error.ts";
import { nativeAddress, nativeFunction } from "../native-function.ffi.ts";
import { directCrypto } from "./direct-crypto.ffi.ts";

const EVP_PKEY_X25519 = 1034;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
/** OSSL_PARAM is five machine words: key, type and 32 bits of filling, data, size, returned size. */
const PARAM_BYTES = 40;
const PARAM_UNSIGNED_INTEGER = 2;

const PROTOTYPES = {
  cipherFetch: "int64_t EVP_CIPHER_fetch(int64_t library, const char *name, int64_t properties)",
  cipherContext: "int64_t EVP_CIPHER_CTX_new()",
  encryptInit:
    "int EVP_EncryptInit_ex2(int64_t context, int64_t cipher, const void *key, const void *iv, int64_t params)",
  decryptInit:
    "int EVP_DecryptInit_ex2(int64_t context, int64_t cipher, const void *key, const void *iv, int64_t params)",
  update: "int EVP_CipherUpdate(int64_t context, void *out, void *length, const void *in, int inLength)",
  final: "int EVP_CipherFinal_ex(int64_t context, void *out, void *length)",
  control: "int EVP_CIPHER_CTX_ctrl(int64_t context, int type, int argument, void *pointer)",
  mdFetch: "int64_t EVP_MD_fetch(int64_t library, const char *name, int64_t properties)",
  mdContext: "int64_t EVP_MD_CTX_new()",
  digestInit: "int EVP_DigestInit_ex2(int64_t context, int64_t type, int64_t params)",
  digestUpdate: "int EVP_DigestUpdate(int64_t context, const void *data, uint64_t length)",
  digestFinal: "int EVP_DigestFinal_ex(int64_t context, void *out, void *length)",
  macFetch: "int64_t EVP_MAC_fetch(int64_t library, const char *name, int64_t properties)",
  macContext: "int64_t EVP_MAC_CTX_new(int64_t mac)",
  macInit: "int EVP_MAC_init(int64_t context, const void *key, uint64_t length, const void *params)",
  macUpdate: "int EVP_MAC_update(int64_t context, const void *data, uint64_t length)",
  macFinal: "int EVP_MAC_final(int64_t context, void *out, void *length, uint64_t size)",
  privateKey: "int64_t EVP_PKEY_new_raw_private_key(int type, int64_t engine, const void *key, uint64_t length)",
  publicKey: "int64_t EVP_PKEY_new_raw_public_key(int type, int64_t engine, const void *key, uint64_t length)",
  rawPublic: "int EVP_PKEY_get_raw_public_key(int64_t key, void *out, void *length)",
  keyFree: "void EVP_PKEY_free(int64_t key)",
  keyContext: "int64_t EVP_PKEY_CTX_new(int64_t key, int64_t engine)",
  keyContextFree: "void EVP_PKEY_CTX_free(int64_t context)",
  deriveInit: "int EVP_PKEY_derive_init(int64_t context)",
  derivePeer: "int EVP_PKEY_derive_set_peer_ex(int64_t context, int64_t peer, int validate)",
  derive: "int EVP_PKEY_derive(int64_t context, void *out, void *length)",
} as const;

type Functions = { readonly [Name in keyof typeof PROTOTYPES]: (...values: unknown[]) => number };

/** WireGuard's operations by the OpenSSL inside Node; arrays in, new arrays out. */
export interface EvpCrypto {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined;
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  publicKey(privateKey: Uint8Array): Uint8Array;
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  mac16(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** ChaCha20's bytes for 16 bytes of start: block counter, little-endian, and the nonce of RFC 8439. */
  keystream(key: Uint8Array, start: Uint8Array, length: number): Uint8Array;
}

/**
 * Finds the algorithms in the OpenSSL of this process (EVP_CIPHER_fetch(3) and related functions).
 *
 * @throws AwgError("unsupported") when this build of Node lacks one (another TLS library, a FIPS provider).
 */
export function openEvpCrypto(): EvpCrypto {
  const evp = declareAll();
  const aead = evpAead(evp);
  return { ...aead, ...evpCurve(evp), ...evpHashes(evp), keystream: evpKeystream(evp), ...directCrypto() };
}

function declareAll(): Functions {
  try {
    const declared = Object.entries(PROTOTYPES).map(([name, prototype]) => {
      const call = nativeFunction(prototype);
      return [name, call] as const;
    });
    return Object.fromEntries(declared) as unknown as Functions;
  } catch (error) {
    throw new AwgError("unsupported", "this build of node does not export OpenSSL's EVP functions", { cause: error });
  }
}

function handleOf(value: number, what: string): number {
  const handle = Number(value);
  if (handle === 0) throw new AwgError("unsupported", `the OpenSSL inside node has no ${what}`);
  return handle;
}

function must(result: number, what: string): void {
  if (result !== 1) throw new AwgError("host", `OpenSSL failed: ${what}`);
}

type EvpAead = Pick<EvpCrypto, "seal" | "open">;

function evpAead(evp: Functions): EvpAead {
  const cipher = handleOf(evp.cipherFetch(0, "ChaCha20-Poly1305", 0), "ChaCha20-Poly1305");
  const context = handleOf(evp.cipherContext(), "memory for a cipher");
  const length = new Int32Array(1);
  const tail = new Uint8Array(TAG_BYTES);
  const forget = () => {
    evp.encryptInit(context, cipher, ZERO_KEY, ZERO_NONCE, 0);
  };
  return {
    seal(key, nonce, plaintext, ad) {
      const out = new Uint8Array(plaintext.length + TAG_BYTES);
      must(evp.encryptInit(context, cipher, key, nonce, 0), "setting the key of a cipher");
      if (ad.length > 0) must(evp.update(context, null, length, ad, ad.length), "authenticating");
      if (plaintext.length > 0) must(evp.update(context, out, length, plaintext, plaintext.length), "encrypting");
      must(evp.final(context, tail, length), "ending an encryption");
      must(evp.control(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tail), "making a tag");
      out.set(tail, plaintext.length);
      forget();
      return out;
    },
    open(key, nonce, sealed, ad) {
      const bytes = sealed.length - TAG_BYTES;
      if (bytes < 0) return undefined;
      const out = new Uint8Array(bytes);
      must(evp.decryptInit(context, cipher, key, nonce, 0), "setting the key of a cipher");
      tail.set(sealed.subarray(bytes));
      must(evp.control(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tail), "expecting a tag");
      if (ad.length > 0) must(evp.update(context, null, length, ad, ad.length), "authenticating");
      if (bytes > 0) must(evp.update(context, out, length, sealed, bytes), "decrypting");
      const genuine = evp.final(context, tail, length) === 1;
      forget();
      if (genuine) return out;
      out.fill(0);
      return undefined;
    },
  };
}

const ZERO_KEY = new Uint8Array(KEY_BYTES);
const ZERO_NONCE = new Uint8Array(12);

function evpCurve(evp: Functions): Pick<EvpCrypto, "dh" | "publicKey"> {
  const length = new BigUint64Array(1);
  const privateOf = (key: Uint8Array) =>
    handleOf(evp.privateKey(EVP_PKEY_X25519, 0, key, KEY_BYTES), "X25519, or took no such private key");
  return {
    dh(privateKey, publicKey) {
      const ours = privateOf(privateKey);
      const theirs = handleOf(evp.publicKey(EVP_PKEY_X25519, 0, publicKey, KEY_BYTES), "X25519");
      const context = handleOf(evp.keyContext(ours, 0), "memory for a key exchange");
      try {
        const out = new Uint8Array(KEY_BYTES);
        length[0] = BigInt(KEY_BYTES);
        must(evp.deriveInit(context), "starting a key exchange");
        must(evp.derivePeer(context, theirs, 0), "taking the peer's key");
        // Fails when the result is all zero (RFC 7748 section 6.1): a public key of low order.
        return evp.derive(context, out, length) === 1 && out.some((byte) => byte !== 0) ? out : undefined;
      } finally {
        evp.keyContextFree(context);
        evp.keyFree(theirs);
        evp.keyFree(ours);
      }
    },
    publicKey(privateKey) {
      const key = privateOf(privateKey);
      try {
        const out = new Uint8Array(KEY_BYTES);
        length[0] = BigInt(KEY_BYTES);
        must(evp.rawPublic(key, out, length), "reading a public key");
        return out;
      } finally {
        evp.keyFree(key);
      }
    },
  };
}

function evpHashes(evp: Functions): Pick<EvpCrypto, "hash" | "mac16"> {
  const digest = handleOf(evp.mdFetch(0, "BLAKE2S-256", 0), "BLAKE2s");
  const digestContext = handleOf(evp.mdContext(), "memory for a hash");
  const macContext = handleOf(evp.macContext(handleOf(evp.macFetch(0, "BLAKE2SMAC", 0), "keyed BLAKE2s")), "memory");
  const length = new BigUint64Array(1);
  const params = sizeParam();
  return {
    hash(...parts) {
      const out = new Uint8Array(32);
      must(evp.digestInit(digestContext, digest, 0), "starting a hash");
      for (const part of parts) {
        if (part.length > 0) must(evp.digestUpdate(digestContext, part, part.length), "hashing");
      }
      must(evp.digestFinal(digestContext, out, length), "ending a hash");
      return out;
    },
    mac16(key, message) {
      const out = new Uint8Array(TAG_BYTES);
      must(evp.macInit(macContext, key, key.length, params.bytes), "setting the key of a mac");
      if (message.length > 0) must(evp.macUpdate(macContext, message, message.length), "computing a mac");
      must(evp.macFinal(macContext, out, length, TAG_BYTES), "ending a mac");
      return out;
    },
  };
}

/** The OSSL_PARAM list {"size": 16} of EVP_MAC-BLAKE2(7), with all that it references. */
function sizeParam(): { readonly bytes: Uint8Array; readonly kept: unknown } {
  const name = new TextEncoder().encode("size\0");
  const value = new Uint8Array(new BigUint64Array([BigInt(TAG_BYTES)]).buffer);
  const bytes = new Uint8Array(2 * PARAM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(nativeAddress(name)), true);
  view.setUint32(8, PARAM_UNSIGNED_INTEGER, true);
  view.setBigUint64(16, BigInt(nativeAddress(value)), true);
  view.setBigUint64(24, 8n, true);
  return { bytes, kept: [name, value] };
}

function evpKeystream(evp: Functions): EvpCrypto["keystream"] {
  const cipher = handleOf(evp.cipherFetch(0, "ChaCha20", 0), "ChaCha20");
  const context = handleOf(evp.cipherContext(), "memory for a cipher");
  const length = new Int32Array(1);
  return (key, start, bytes) => {
    const out = new Uint8Array(bytes);
    must(evp.encryptInit(context, cipher, key, start, 0), "setting the key of a cipher");
    if (bytes > 0) must(evp.update(context, out, length, new Uint8Array(bytes), bytes), "making a keystream");
    return out;
  };
}
