import type { Crypto } from "../crypto/crypto.ts";
import { kdf } from "../crypto/kdf.ts";

const CONSTRUCTION = ascii("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
const IDENTIFIER = ascii("WireGuard v1 zx2c4 Jason@zx2c4.com");
const NOTHING = new Uint8Array(0);

/**
 * Called after every token of a handshake, with copies of the chaining key and the hash; for checks against captures.
 */
export type TokenTrace = (token: string, chainingKey: Uint8Array, hash: Uint8Array) => void;

/**
 * The symmetric state of a Noise handshake: chaining key C and hash H of paper section 5.4. Every method replaces both
 * arrays and wipes the old chaining key.
 */
export class Transcript {
  #crypto: Crypto;
  #trace: TokenTrace | undefined;
  chainingKey: Uint8Array;
  hash: Uint8Array;

  private constructor(crypto: Crypto, chainingKey: Uint8Array, hash: Uint8Array, trace: TokenTrace | undefined) {
    this.#crypto = crypto;
    this.chainingKey = chainingKey;
    this.hash = hash;
    this.#trace = trace;
  }

  /** The initial state of both sides: the names of the protocol and the responder's public key. */
  static start(crypto: Crypto, responderStatic: Uint8Array, trace?: TokenTrace): Transcript {
    const chainingKey = crypto.hash(CONSTRUCTION);
    const transcript = new Transcript(crypto, chainingKey, crypto.hash(chainingKey, IDENTIFIER), trace);
    transcript.mark("init ck");
    transcript.mixHash(responderStatic);
    transcript.mark("mixHash(S_r)");
    return transcript;
  }

  /** A copy to continue from: a message that does not authenticate leaves this state unchanged. */
  fork(trace?: TokenTrace): Transcript {
    return new Transcript(this.#crypto, this.chainingKey.slice(), this.hash.slice(), trace);
  }

  /** H := HASH(H || data). */
  mixHash(data: Uint8Array): void {
    this.hash = this.#crypto.hash(this.hash, data);
  }

  /** C := KDF1(C, input). */
  mixKey(input: Uint8Array): void {
    const [chainingKey] = kdf(this.#crypto, 1, this.chainingKey, input);
    this.#replaceKey(chainingKey);
  }

  /** (C, key) := KDF2(C, input); the caller wipes the key. */
  mixKeyOut(input: Uint8Array): Uint8Array {
    const [chainingKey, key] = kdf(this.#crypto, 2, this.chainingKey, input);
    this.#replaceKey(chainingKey);
    return key;
  }

  /** The psk token: (C, tau, key) := KDF3(C, psk), H := HASH(H || tau). */
  mixPresharedKey(presharedKey: Uint8Array): Uint8Array {
    const [chainingKey, tau, key] = kdf(this.#crypto, 3, this.chainingKey, presharedKey);
    this.#replaceKey(chainingKey);
    this.mixHash(tau);
    this.#crypto.wipe(tau);
    return key;
  }

  /** Seals with counter 0 and H as additional data, mixes the result into H and wipes the key. */
  seal(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const sealed = this.#crypto.aeadSeal(key, 0, plaintext, this.hash);
    this.#crypto.wipe(key);
    this.mixHash(sealed);
    return sealed;
  }

  /** The inverse; undefined if it does not authenticate, and H stays. Wipes the key. */
  open(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#crypto.aeadOpen(key, 0, sealed, this.hash);
    this.#crypto.wipe(key);
    if (plaintext !== undefined) this.mixHash(sealed);
    return plaintext;
  }

  /** The two transport keys at the end (section 5.4.5), initiator's sending key first. Wipes the state. */
  split(): readonly [Uint8Array, Uint8Array] {
    const keys = kdf(this.#crypto, 2, this.chainingKey, NOTHING);
    this.wipe();
    return keys;
  }

  mark(token: string): void {
    this.#trace?.(token, this.chainingKey.slice(), this.hash.slice());
  }

  wipe(): void {
    this.#crypto.wipe(this.chainingKey);
    this.#crypto.wipe(this.hash);
  }

  #replaceKey(chainingKey: Uint8Array): void {
    this.#crypto.wipe(this.chainingKey);
    this.chainingKey = chainingKey;
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
