import { type Arena, createArena } from "../memory/arena.ffi.ts";
import { nativeFunctionIfThere } from "../native-function.ffi.ts";

const KEY_BYTES = 32;
const ARENA_BYTES = 65_536;
/** Twice what struct blake2s_ctx_st needs (include/prov/blake2.h of OpenSSL 3). */
const CONTEXT_BYTES = 512;
/** Messages are joined up to this length before they are hashed. */
const JOINED_BYTES = 2048;

/** Operations that OpenSSL's internal functions do faster than EVP. */
export interface DirectCrypto {
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  publicKey(privateKey: Uint8Array): Uint8Array;
  hash(...parts: readonly Uint8Array[]): Uint8Array;
}

/**
 * X25519 and BLAKE2s by OpenSSL's internal symbols, where they exist. A handshake is five key exchanges and some sixty
 * short hashes: EVP computes a public key for every private key, and looking up a hash takes longer than hashing. The
 * caller compares them with another implementation first. Keys are zeroed after use.
 */
export function directCrypto(): Partial<DirectCrypto> {
  const arena = createArena(ARENA_BYTES);
  return { ...directCurve(arena), ...directHash(arena) };
}

function directCurve({ bytes, base, reserve }: Arena): Partial<DirectCrypto> {
  const derive = nativeFunctionIfThere("int ossl_x25519(int64_t out, int64_t privateKey, int64_t publicKey)");
  const derivePublic = nativeFunctionIfThere("void ossl_x25519_public_from_private(int64_t out, int64_t privateKey)");
  if (derive === undefined || derivePublic === undefined) return {};
  const [ours, theirs, out] = [reserve(KEY_BYTES), reserve(KEY_BYTES), reserve(KEY_BYTES)];
  const take = () => {
    const result = bytes.slice(out, out + KEY_BYTES);
    bytes.fill(0, ours, ours + KEY_BYTES);
    bytes.fill(0, out, out + KEY_BYTES);
    return result;
  };
  return {
    dh(privateKey, publicKey) {
      bytes.set(privateKey, ours);
      bytes.set(publicKey, theirs);
      // 0: the result is all zero, which a public key of low order gives (RFC 7748 section 6.1).
      const good = derive(base + out, base + ours, base + theirs) === 1;
      const secret = take();
      return good ? secret : undefined;
    },
    publicKey(privateKey) {
      bytes.set(privateKey, ours);
      derivePublic(base + out, base + ours);
      return take();
    },
  };
}

function directHash({ bytes, base, reserve }: Arena): Partial<DirectCrypto> {
  const init = nativeFunctionIfThere("int ossl_blake2s_init(int64_t context, int64_t params)");
  const update = nativeFunctionIfThere("int ossl_blake2s_update(int64_t context, int64_t data, uint64_t length)");
  const final = nativeFunctionIfThere("int ossl_blake2s_final(int64_t out, int64_t context)");
  if (init === undefined || update === undefined || final === undefined) return {};
  const [context, joined, out, params] = [reserve(CONTEXT_BYTES), reserve(JOINED_BYTES), reserve(32), reserve(32)];
  // The parameter block of RFC 7693 section 2.8: 32 bytes out, no key, fanout and depth 1.
  bytes.set([32, 0, 1, 1], params);
  return {
    hash(...parts) {
      let used = 0;
      init(base + context, base + params);
      for (const part of parts) {
        for (let at = 0; at < part.length; at += JOINED_BYTES) {
          const piece = part.length <= JOINED_BYTES ? part : part.subarray(at, at + JOINED_BYTES);
          if (used + piece.length > JOINED_BYTES) {
            update(base + context, base + joined, used);
            used = 0;
          }
          bytes.set(piece, joined + used);
          used += piece.length;
        }
      }
      if (used > 0) update(base + context, base + joined, used);
      final(base + out, base + context);
      bytes.fill(0, joined, joined + JOINED_BYTES);
      return bytes.slice(out, out + 32);
    },
  };
}
