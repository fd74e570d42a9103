import { type Crypto, KEY_BYTES } from "./crypto.ts";

/** Block size of BLAKE2s, to which HMAC (RFC 2104) pads its key. */
const BLOCK_BYTES = 64;

/** HMAC-BLAKE2s-256 (RFC 2104 over the unkeyed hash; paper section 5.4) of the parts in order. */
export function hmac(crypto: Crypto, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const short = key.length > BLOCK_BYTES ? crypto.hash(key) : key;
  const inner = new Uint8Array(BLOCK_BYTES).fill(0x36);
  const outer = new Uint8Array(BLOCK_BYTES).fill(0x5c);
  for (let index = 0; index < short.length; index += 1) {
    const byte = short[index] as number;
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  const digest = crypto.hash(outer, crypto.hash(inner, ...parts));
  crypto.wipe(inner);
  crypto.wipe(outer);
  return digest;
}

/**
 * KDF1, KDF2 or KDF3 (paper section 5.4): `count` keys of 32 bytes from a chaining key and an input. The intermediate
 * key is wiped; the caller wipes the outputs.
 */
export function kdf(crypto: Crypto, count: 1, key: Uint8Array, input: Uint8Array): readonly [Uint8Array];
export function kdf(crypto: Crypto, count: 2, key: Uint8Array, input: Uint8Array): readonly [Uint8Array, Uint8Array];
export function kdf(
  crypto: Crypto,
  count: 3,
  key: Uint8Array,
  input: Uint8Array,
): readonly [Uint8Array, Uint8Array, Uint8Array];
export function kdf(crypto: Crypto, count: number, key: Uint8Array, input: Uint8Array): readonly Uint8Array[] {
  const secret = hmac(crypto, key, input);
  const outputs: Uint8Array[] = [];
  let previous = new Uint8Array(0);
  for (let index = 1; index <= count; index += 1) {
    previous = new Uint8Array(hmac(crypto, secret, previous, Uint8Array.of(index)));
    outputs.push(previous);
  }
  crypto.wipe(secret);
  return outputs;
}

/** Whether two secrets or macs are equal, in constant time for a given length. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= (a[index] as number) ^ (b[index] as number);
  return difference === 0;
}

/**
 * A copy of a key that never moves until it is wiped. V8 keeps arrays of up to 64 bytes in its heap, where a collection
 * may move them and leave a copy; a separate buffer is never moved.
 */
export function keyCopy(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(key.length));
  copy.set(key);
  return copy;
}

/** 32 zero bytes: the preshared key of a peer without one (paper section 5.4.3). Never written to. */
export const NO_PRESHARED_KEY: Uint8Array = new Uint8Array(KEY_BYTES);
