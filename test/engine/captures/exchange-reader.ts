import { createAmneziaWire } from "../../../src/engine/awg/amnezia-wire.ts";
import type { AmneziaParameters } from "../../../src/engine/awg/parameters.ts";
import { parseParameters } from "../../../src/engine/awg/parse-parameters.ts";
import { openCookieReply } from "../../../src/engine/cookie/cookie-reply.ts";
import { cookieKey, isMac1Valid, mac1Key } from "../../../src/engine/cookie/macs.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { consumeInitiation, createInitiation, type InitiatorState } from "../../../src/engine/noise/initiation.ts";
import { COOKIE_REPLY, RESPONSE, readWord } from "../../../src/engine/noise/message.ts";
import { consumeResponse } from "../../../src/engine/noise/response.ts";
import type { Candidate, WireFormat } from "../../../src/engine/wire/wire-format.ts";
import { SeededSources } from "../support/sources.ts";
import { bytesOf, type Exchange, hexOf, type RecordedPacket, type Side } from "./recorded-exchange.ts";

const crypto = NOBLE_CRYPTO;

export interface TokenState {
  readonly token: string;
  readonly ck: string;
  readonly h: string;
}

/** What the engine's code made of one datagram. */
export type Reading =
  | {
      readonly kind: "initiation";
      readonly message: Uint8Array;
      readonly tokens: readonly TokenState[];
      readonly timestamp: Uint8Array;
    }
  | { readonly kind: "response"; readonly message: Uint8Array; readonly tokens: readonly TokenState[] }
  | { readonly kind: "cookie-reply"; readonly message: Uint8Array; readonly cookie: Uint8Array }
  | {
      readonly kind: "transport";
      readonly headerWord: number;
      readonly counter: number;
      readonly plaintext: Uint8Array;
      readonly paddingBytes: number;
    };

/** Parameters of one side as the engine reads them. */
export function parametersOf(exchange: Exchange, side: Side): AmneziaParameters {
  return parseParameters(exchange.sides[side].parameters);
}

export function otherSide(side: Side): Side {
  return side === "a" ? "b" : "a";
}

/**
 * Reads an exchange datagram by datagram with the receiver's format and keys, taking of all candidates the first that
 * authenticates, as the engine does. The ephemeral keys of initiators come from the key log.
 */
export class ExchangeReader {
  readonly #exchange: Exchange;
  readonly #wires: Readonly<Record<Side, WireFormat>>;
  readonly #waiting = new Map<number, InitiatorState>();
  readonly #keys = new Map<string, Uint8Array>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    const wire = (side: Side) => createAmneziaWire(parametersOf(exchange, side), new SeededSources(1));
    this.#wires = { a: wire("a"), b: wire("b") };
  }

  /** The key that opens messages to this side with this index. */
  sessionKey(side: Side, index: number): Uint8Array | undefined {
    return this.#keys.get(`${side}${index}`);
  }

  read(packet: RecordedPacket): Reading | undefined {
    const to = otherSide(packet.from);
    for (const candidate of this.#wires[to].candidates(packet.payload)) {
      const reading = this.#authenticate(candidate, packet, to);
      if (reading !== undefined) return reading;
    }
    return undefined;
  }

  #authenticate(candidate: Candidate, packet: RecordedPacket, to: Side): Reading | undefined {
    if (candidate.kind === "transport") {
      const key = this.sessionKey(to, candidate.receiver);
      const sealed = packet.payload.subarray(candidate.sealedOffset);
      const { headerWord, counter, sealedOffset } = candidate;
      const plaintext = key && crypto.aeadOpen(key, counter, sealed, new Uint8Array(0));
      return plaintext && { kind: "transport", headerWord, counter, plaintext, paddingBytes: sealedOffset - 16 };
    }
    if (candidate.kind === "initiation") return this.#initiation(candidate.message, packet, to);
    if (candidate.kind === "response") return this.#response(candidate.message, to);
    const state = this.#waiting.get(readWord(candidate.message, COOKIE_REPLY.receiver));
    const sender = this.#exchange.sides[packet.from].publicKey;
    const cookie = state && openCookieReply(crypto, candidate.message, cookieKey(crypto, sender), state.mac1);
    return cookie && { kind: "cookie-reply", message: candidate.message, cookie };
  }

  #initiation(message: Uint8Array, { from, decoded }: RecordedPacket, to: Side): Reading | undefined {
    const receiver = this.#exchange.sides[to];
    const sender = this.#exchange.sides[from];
    if (!isMac1Valid(crypto, message, mac1Key(crypto, receiver.publicKey))) return undefined;
    const tokens: TokenState[] = [];
    const trace = (token: string, ck: Uint8Array, h: Uint8Array) => tokens.push({ token, ck: hexOf(ck), h: hexOf(h) });
    const shared = crypto.dh(receiver.privateKey, sender.publicKey) ?? new Uint8Array(32);
    const state = consumeInitiation(
      crypto,
      receiver,
      message,
      (remote) => (hexOf(remote) === hexOf(sender.publicKey) ? shared.slice() : undefined),
      trace,
    );
    if (state === undefined) return undefined;
    const made = createInitiation(crypto, {
      identity: sender,
      remoteStatic: receiver.publicKey,
      staticShared: shared,
      ephemeralPrivate: bytesOf(decoded.ephemeral_private ?? ""),
      timestamp: state.timestamp,
      senderIndex: state.remoteIndex,
      headerWord: readWord(message, 0),
    });
    if (made !== undefined) this.#waiting.set(state.remoteIndex, made.state);
    return { kind: "initiation", message, tokens, timestamp: state.timestamp };
  }

  #response(message: Uint8Array, to: Side): Reading | undefined {
    const receiver = this.#exchange.sides[to];
    const state = this.#waiting.get(readWord(message, RESPONSE.receiver));
    if (state === undefined || !isMac1Valid(crypto, message, mac1Key(crypto, receiver.publicKey))) return undefined;
    const tokens: TokenState[] = [];
    const trace = (token: string, ck: Uint8Array, h: Uint8Array) => tokens.push({ token, ck: hexOf(ck), h: hexOf(h) });
    const keys = consumeResponse(crypto, receiver, state, this.#exchange.presharedKey, message, trace);
    if (keys === undefined) return undefined;
    this.#keys.set(`${to}${keys.localIndex}`, keys.receive);
    this.#keys.set(`${otherSide(to)}${keys.remoteIndex}`, keys.send);
    return { kind: "response", message, tokens };
  }
}
