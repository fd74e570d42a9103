import { mac1Key, writeMacs } from "../cookie/macs.ts";
import type { Crypto } from "../crypto/crypto.ts";
import { INITIATION, readWord, writeWord } from "./message.ts";
import { type TokenTrace, Transcript } from "./transcript.ts";

/** The static keys of the acting side. */
export interface Identity {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface InitiationInputs {
  readonly identity: Identity;
  readonly remoteStatic: Uint8Array;
  /** dh(own private key, remoteStatic), computed once per peer. */
  readonly staticShared: Uint8Array;
  /** Fresh private key of this handshake; the returned state owns and wipes it. */
  readonly ephemeralPrivate: Uint8Array;
  /** TAI64N, 12 bytes, later than any sent to this peer before. */
  readonly timestamp: Uint8Array;
  readonly senderIndex: number;
  /** The type word drawn by the wire format. */
  readonly headerWord: number;
  /** The cookie of the peer, while it is valid. */
  readonly cookie?: Uint8Array | undefined;
  readonly trace?: TokenTrace;
}

/** An initiator that awaits its response. */
export interface InitiatorState {
  readonly localIndex: number;
  readonly ephemeralPrivate: Uint8Array;
  readonly transcript: Transcript;
  /** mac1 of the message sent: a cookie reply authenticates against it. */
  readonly mac1: Uint8Array;
}

/**
 * First message of Noise IKpsk2, paper section 5.4.2: tokens e, es, s, ss and the timestamp. Pure: the same inputs give
 * the same 148 bytes. Undefined when the peer's public key is of low order.
 */
export function createInitiation(
  crypto: Crypto,
  inputs: InitiationInputs,
): { readonly message: Uint8Array; readonly state: InitiatorState } | undefined {
  const { identity, remoteStatic, ephemeralPrivate, trace } = inputs;
  const shared = crypto.dh(ephemeralPrivate, remoteStatic);
  if (shared === undefined) return undefined;
  const transcript = Transcript.start(crypto, remoteStatic, trace);
  const message = new Uint8Array(INITIATION.bytes);
  writeWord(message, 0, inputs.headerWord);
  writeWord(message, INITIATION.sender, inputs.senderIndex);

  const ephemeral = crypto.publicKey(ephemeralPrivate);
  message.set(ephemeral, INITIATION.ephemeral);
  transcript.mixKey(ephemeral);
  transcript.mixHash(ephemeral);
  transcript.mark("e");
  const staticSealKey = transcript.mixKeyOut(shared);
  crypto.wipe(shared);
  message.set(transcript.seal(staticSealKey, identity.publicKey), INITIATION.static);
  transcript.mark("es,s");
  const timestampKey = transcript.mixKeyOut(inputs.staticShared);
  message.set(transcript.seal(timestampKey, inputs.timestamp), INITIATION.timestamp);
  transcript.mark("ss,timestamp");

  writeMacs(crypto, message, mac1Key(crypto, remoteStatic), inputs.cookie);
  const mac1 = message.slice(INITIATION.mac1, INITIATION.mac2);
  return { message, state: { localIndex: inputs.senderIndex, ephemeralPrivate, transcript, mac1 } };
}

/** A responder that has read an initiation; `createResponse` answers it. */
export interface ResponderState {
  readonly remoteIndex: number;
  readonly remoteStatic: Uint8Array;
  readonly remoteEphemeral: Uint8Array;
  readonly timestamp: Uint8Array;
  readonly transcript: Transcript;
}

/**
 * Reads an initiation with a valid mac1. `sharedWith` returns dh(own private key, the sender's public key) for a known
 * peer, undefined otherwise, so an unknown sender costs one Diffie-Hellman. Undefined if it does not authenticate. The
 * caller checks whether the timestamp is new.
 */
export function consumeInitiation(
  crypto: Crypto,
  identity: Identity,
  message: Uint8Array,
  sharedWith: (remoteStatic: Uint8Array) => Uint8Array | undefined,
  trace?: TokenTrace,
): ResponderState | undefined {
  const transcript = Transcript.start(crypto, identity.publicKey, trace);
  const remoteEphemeral = message.slice(INITIATION.ephemeral, INITIATION.static);
  transcript.mixKey(remoteEphemeral);
  transcript.mixHash(remoteEphemeral);
  transcript.mark("e");
  const shared = crypto.dh(identity.privateKey, remoteEphemeral);
  if (shared === undefined) return undefined;
  const staticSealKey = transcript.mixKeyOut(shared);
  crypto.wipe(shared);
  const remoteStatic = transcript.open(staticSealKey, message.subarray(INITIATION.static, INITIATION.timestamp));
  const staticShared = remoteStatic === undefined ? undefined : sharedWith(remoteStatic);
  if (remoteStatic === undefined || staticShared === undefined) {
    transcript.wipe();
    return undefined;
  }
  transcript.mark("es,s");
  const timestampKey = transcript.mixKeyOut(staticShared);
  const timestamp = transcript.open(timestampKey, message.subarray(INITIATION.timestamp, INITIATION.mac1));
  if (timestamp === undefined) {
    transcript.wipe();
    return undefined;
  }
  transcript.mark("ss,timestamp");
  return { remoteIndex: readWord(message, INITIATION.sender), remoteStatic, remoteEphemeral, timestamp, transcript };
}
