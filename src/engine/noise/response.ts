import { mac1Key, writeMacs } from "../cookie/macs.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { Identity, InitiatorState, ResponderState } from "./initiation.ts";
import { RESPONSE, readWord, writeWord } from "./message.ts";
import type { TokenTrace } from "./transcript.ts";

const NOTHING = new Uint8Array(0);

/** The keys of a session, 32 bytes each, as seen from the calling side. */
export interface SessionKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
  readonly localIndex: number;
  readonly remoteIndex: number;
}

export interface ResponseInputs {
  readonly ephemeralPrivate: Uint8Array;
  readonly senderIndex: number;
  /** 32 bytes; zeros when the peer has none. */
  readonly presharedKey: Uint8Array;
  readonly headerWord: number;
  readonly cookie?: Uint8Array | undefined;
  readonly trace?: TokenTrace;
}

/**
 * Second message, paper section 5.4.3: tokens e, ee, se, psk and an empty payload; then the session's keys. Pure: the
 * same inputs give the same 92 bytes. Consumes the state. Undefined if a key of the peer is of low order.
 */
export function createResponse(
  crypto: Crypto,
  state: ResponderState,
  inputs: ResponseInputs,
): { readonly message: Uint8Array; readonly keys: SessionKeys; readonly mac1: Uint8Array } | undefined {
  const { remoteEphemeral, remoteStatic, remoteIndex } = state;
  const ephemeralShared = crypto.dh(inputs.ephemeralPrivate, remoteEphemeral);
  const staticShared = crypto.dh(inputs.ephemeralPrivate, remoteStatic);
  if (ephemeralShared === undefined || staticShared === undefined) return undefined;
  const transcript = state.transcript.fork(inputs.trace);
  state.transcript.wipe();
  const message = new Uint8Array(RESPONSE.bytes);
  writeWord(message, 0, inputs.headerWord);
  writeWord(message, RESPONSE.sender, inputs.senderIndex);
  writeWord(message, RESPONSE.receiver, remoteIndex);

  const ephemeral = crypto.publicKey(inputs.ephemeralPrivate);
  message.set(ephemeral, RESPONSE.ephemeral);
  transcript.mixKey(ephemeral);
  transcript.mixHash(ephemeral);
  transcript.mark("e");
  transcript.mixKey(ephemeralShared);
  transcript.mark("ee");
  transcript.mixKey(staticShared);
  transcript.mark("se");
  crypto.wipe(ephemeralShared);
  crypto.wipe(staticShared);
  const emptyKey = transcript.mixPresharedKey(inputs.presharedKey);
  transcript.mark("psk");
  message.set(transcript.seal(emptyKey, NOTHING), RESPONSE.empty);
  transcript.mark("empty");

  writeMacs(crypto, message, mac1Key(crypto, remoteStatic), inputs.cookie);
  const [receive, send] = transcript.split();
  const mac1 = message.slice(RESPONSE.mac1, RESPONSE.mac2);
  return { message, mac1, keys: { send, receive, localIndex: inputs.senderIndex, remoteIndex } };
}

/**
 * Reads the response to our initiation; its mac1 is valid. If it does not authenticate, the result is undefined and the
 * unchanged state keeps waiting. After success the caller wipes the state.
 */
export function consumeResponse(
  crypto: Crypto,
  identity: Identity,
  state: InitiatorState,
  presharedKey: Uint8Array,
  message: Uint8Array,
  trace?: TokenTrace,
): SessionKeys | undefined {
  const ephemeral = message.subarray(RESPONSE.ephemeral, RESPONSE.empty);
  const ephemeralShared = crypto.dh(state.ephemeralPrivate, ephemeral);
  const staticShared = crypto.dh(identity.privateKey, ephemeral);
  if (ephemeralShared === undefined || staticShared === undefined) return undefined;
  const transcript = state.transcript.fork(trace);
  transcript.mixKey(ephemeral);
  transcript.mixHash(ephemeral);
  transcript.mark("e");
  transcript.mixKey(ephemeralShared);
  transcript.mark("ee");
  transcript.mixKey(staticShared);
  transcript.mark("se");
  crypto.wipe(ephemeralShared);
  crypto.wipe(staticShared);
  const emptyKey = transcript.mixPresharedKey(presharedKey);
  transcript.mark("psk");
  if (transcript.open(emptyKey, message.subarray(RESPONSE.empty, RESPONSE.mac1)) === undefined) {
    transcript.wipe();
    return undefined;
  }
  transcript.mark("empty");
  const [send, receive] = transcript.split();
  return { send, receive, localIndex: state.localIndex, remoteIndex: readWord(message, RESPONSE.sender) };
}

/** Wipes a completed or abandoned handshake. */
export function wipeInitiator(crypto: Crypto, state: InitiatorState): void {
  crypto.wipe(state.ephemeralPrivate);
  state.transcript.wipe();
}
