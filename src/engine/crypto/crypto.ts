/**
 * The cryptography of the engine, as a port: OpenSSL inside Node in production, @noble as fallback and oracle. Every
 * function is pure; keys and outputs are plain bytes; outputs are new arrays that the caller owns. Wrong lengths of
 * keys and nonces are bugs of the caller and may throw; bytes from the network never throw.
 */
export interface Crypto {
  /** The implementation's name, for status and logs. */
  readonly name: string;

  /**
   * ChaCha20-Poly1305 (RFC 8439) with the nonce of WireGuard (paper section 5.4.6): 32 zero bits, then the counter as
   * 64 bits little-endian. Returns ciphertext and 16-byte tag in one. The counter is below 2^53.
   */
  aeadSeal(key: Uint8Array, counter: number, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;

  /** The inverse; undefined when the tag is wrong or the input is shorter than a tag. */
  aeadOpen(key: Uint8Array, counter: number, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined;

  /** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a nonce of 24 bytes, for cookie replies. */
  xaeadSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;

  /** The inverse; undefined when the tag is wrong or the input is shorter than a tag. */
  xaeadOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined;

  /** X25519 (RFC 7748); undefined if the result is all zero, as with a public key of low order. */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;

  /** The X25519 public key of a private key (clamped here as RFC 7748 section 5 says). */
  publicKey(privateKey: Uint8Array): Uint8Array;

  /** BLAKE2s-256 (RFC 7693) over the parts in order, unkeyed. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;

  /** BLAKE2s with an output of 16 bytes, keyed with up to 32 bytes, over the message: mac1, mac2 and cookies. */
  mac16(key: Uint8Array, message: Uint8Array): Uint8Array;

  /** The first `length` bytes of the ChaCha20 keystream (RFC 8439: 12-byte nonce, block counter from 0). */
  chacha20Keystream(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array;

  /** Overwrites key material with zeros, in place. */
  wipe(bytes: Uint8Array): void;
}

/** Bytes of a key, public key, hash and Diffie-Hellman result. */
export const KEY_BYTES = 32;

/** Bytes of a Poly1305 tag. */
export const TAG_BYTES = 16;
