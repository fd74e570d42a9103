import type { Crypto } from "../crypto/crypto.ts";
import { COOKIE_REPLY, writeWord } from "../noise/message.ts";

export interface CookieReplyInputs {
  /** The sender index of the answered message. */
  readonly receiverIndex: number;
  readonly headerWord: number;
  /** 24 random bytes. */
  readonly nonce: Uint8Array;
  readonly cookie: Uint8Array;
  /** mac1 of the answered message. */
  readonly mac1: Uint8Array;
  /** `cookieKey` of our own public key. */
  readonly key: Uint8Array;
}

/** A cookie reply, paper section 5.4.7: 64 bytes, sent instead of an answer under load. */
export function createCookieReply(crypto: Crypto, inputs: CookieReplyInputs): Uint8Array {
  const message = new Uint8Array(COOKIE_REPLY.bytes);
  writeWord(message, 0, inputs.headerWord);
  writeWord(message, COOKIE_REPLY.receiver, inputs.receiverIndex);
  message.set(inputs.nonce, COOKIE_REPLY.nonce);
  message.set(crypto.xaeadSeal(inputs.key, inputs.nonce, inputs.cookie, inputs.mac1), COOKIE_REPLY.cookie);
  return message;
}

/**
 * The cookie in a reply; undefined if it does not authenticate. `key` is `cookieKey` of the peer's public key, `mac1`
 * that of the last handshake message to it.
 */
export function openCookieReply(
  crypto: Crypto,
  message: Uint8Array,
  key: Uint8Array,
  mac1: Uint8Array,
): Uint8Array | undefined {
  const nonce = message.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie);
  return crypto.xaeadOpen(key, nonce, message.subarray(COOKIE_REPLY.cookie), mac1);
}
