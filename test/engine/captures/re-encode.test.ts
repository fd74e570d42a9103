import { describe, expect, test } from "vitest";
import type { AmneziaParameters } from "../../../src/engine/awg/parameters.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import {
  encodeCookie,
  encodeFirstAfterChange,
  encodeInitiation,
  encodeResponse,
  encodeTransport,
  flipped,
} from "./encoder-inputs.ts";
import { ExchangeReader, otherSide, parametersOf } from "./exchange-reader.ts";
import {
  bytesOf,
  type Exchange,
  exchangeNames,
  hexOf,
  type RecordedPacket,
  readExchange,
} from "./recorded-exchange.ts";

type Encode = readonly [fields: object, encode: (fields: never) => Uint8Array | undefined];

/** Type words of the first packets after S4 changed: under their own mask, found once by trying all of H4. */
const FIRST_PACKET_WORDS: Readonly<Record<number, number>> = { 7: 2145619792, 9: 2143465857 };

/** Stock WireGuard logs no keys: its one response can be read here and not made again. */
const WITHOUT_EPHEMERAL = ["awg20-vs-stock-wg 6"];

/** What the encoder gets for each datagram, taken from key log and independent decoder. */
class Inputs {
  readonly #exchange: Exchange;
  readonly #reader: ExchangeReader;
  #initiation: Uint8Array = new Uint8Array(0);
  #cookie: Uint8Array | undefined = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#reader = new ExchangeReader(exchange);
  }

  /** Undefined for signature and junk packets, and for what no key was logged of. */
  of(packet: RecordedPacket): Encode | undefined {
    this.#reader.read(packet);
    const { from, decoded, payload } = packet;
    const own = this.#exchange.sides[from];
    const mask = parametersOf(this.#exchange, from).headerProtectionKey;
    const common = {
      headerWord: decoded.header,
      padding: bytesOf(decoded.padding_bytes ?? ""),
      trailer: payload.slice(payload.length - (decoded.trailer_len ?? 0)),
      ...(mask === undefined ? {} : { mask }),
    };
    const parameters = paddedBy(parametersOf(this.#exchange, from), common.padding.length, decoded.kind);
    const ephemeral = bytesOf(decoded.ephemeral_private ?? "");
    if (decoded.kind === "initiation") {
      this.#initiation = bytesOf(decoded.message);
      const remoteStatic = this.#exchange.sides[otherSide(from)].publicKey;
      const timestamp = bytesOf(decoded.tai64n);
      const cookie = /^0+$/.test(decoded.mac2) ? {} : { cookie: this.#cookie ?? new Uint8Array(16) };
      const keys = {
        privateKey: own.privateKey,
        remoteStatic,
        ephemeral,
        timestamp,
        senderIndex: decoded.sender_index,
      };
      return [{ ...keys, ...cookie, ...common }, (fields) => encodeInitiation(parameters, fields)];
    }
    if (decoded.kind === "response") {
      if (ephemeral.length === 0) return undefined;
      const { presharedKey } = this.#exchange;
      const initiation = this.#initiation;
      const keys = { privateKey: own.privateKey, ephemeral, presharedKey, senderIndex: decoded.sender_index };
      return [{ ...keys, ...common }, (fields) => encodeResponse(parameters, initiation, fields)];
    }
    if (decoded.kind === "cookie-reply") return this.#cookieReply(packet, parameters, common);
    return this.#transport(packet, parameters, common);
  }

  #cookieReply({ from, decoded }: RecordedPacket, parameters: AmneziaParameters, common: object): Encode {
    const [match] = decoded.secret_matches;
    const secret = bytesOf(match?.secret ?? "");
    const source = bytesOf(match?.src_bytes ?? "");
    this.#cookie = NOBLE_CRYPTO.mac16(secret, source);
    const fields = {
      publicKey: this.#exchange.sides[from].publicKey,
      secret,
      source,
      nonce: bytesOf(decoded.nonce),
      receiverIndex: decoded.receiver_index,
      mac1: bytesOf(decoded.mac1_used_as_ad),
      ...common,
    };
    return [fields, (given) => encodeCookie(parameters, given)];
  }

  #transport(packet: RecordedPacket, parameters: AmneziaParameters, common: object): Encode | undefined {
    const { from, decoded, n, payload } = packet;
    const word = this.#exchange.name === "awg30-first-packet-quirk" ? FIRST_PACKET_WORDS[n] : undefined;
    if (word === undefined && decoded.kind !== "transport") return undefined;
    const to = otherSide(from);
    const [session] = this.#exchange.keyLog[to].filter(({ event }) => event === "session");
    const receiverIndex = word === undefined ? decoded.receiver_index : (session?.local_index ?? 0);
    const key = this.#reader.sessionKey(to, receiverIndex) ?? new Uint8Array(32);
    if (word === undefined) {
      const fields = { key, receiverIndex, counter: decoded.counter, plaintext: bytesOf(decoded.plaintext), ...common };
      return [{ ...fields, trailer: undefined }, (given) => encodeTransport(parameters, given)];
    }
    const plaintext = NOBLE_CRYPTO.aeadOpen(key, 0, payload.subarray(16), new Uint8Array(0)) ?? new Uint8Array(0);
    const fields = { key, receiverIndex, counter: 0, plaintext, ...common, padding: undefined, trailer: undefined };
    return [{ ...fields, headerWord: word }, encodeFirstAfterChange];
  }
}

/** The sender's parameters; keepalives of v0.2.13 have no padding though there is an S4. */
function paddedBy(parameters: AmneziaParameters, paddingBytes: number, kind: string): AmneziaParameters {
  if (kind !== "transport") return parameters;
  return { ...parameters, paddingBytes: { ...parameters.paddingBytes, transport: paddingBytes } };
}

function encodeWith([fields, encode]: Encode): string {
  return hexOf(encode(fields as never) ?? new Uint8Array(0));
}

describe("recorded datagrams made again", () => {
  const left: string[] = [];
  let made = 0;

  test.each(exchangeNames())("%s: byte for byte from keys, ephemerals, indices, words, padding and trailer", (name) => {
    const exchange = readExchange(name);
    const inputs = new Inputs(exchange);
    for (const packet of exchange.packets) {
      const encode = inputs.of(packet);
      if (encode === undefined) {
        if (packet.decoded.kind !== "junk-or-signature") left.push(`${name} ${packet.n}`);
        continue;
      }
      expect([packet.n, encodeWith(encode)]).toEqual([packet.n, hexOf(packet.payload)]);
      made += 1;
    }
  });

  test("none is left out but the one without a logged key", () => {
    expect(left).toEqual(WITHOUT_EPHEMERAL);
    expect(made).toBe(datagramsOf((packet) => packet.decoded.kind !== "junk-or-signature") - 1 + 2);
  });

  test.each(exchangeNames())("%s: one bit of any input flipped gives another datagram", (name) => {
    const exchange = readExchange(name);
    const inputs = new Inputs(exchange);
    const seen = new Map<string, number>();
    for (const packet of exchange.packets) {
      const encode = inputs.of(packet);
      // One of a kind and direction: the others have the same fields.
      const kind = `${packet.from} ${packet.decoded.kind}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      if (encode === undefined || (seen.get(kind) ?? 0) > 1) continue;
      const [fields, make] = encode;
      const names = [...flipped(fields)].map(([what, other]) => {
        expect([packet.n, what, encodeWith([other, make])]).not.toEqual([packet.n, what, hexOf(packet.payload)]);
        return what;
      });
      expect(names.length).toBeGreaterThan(5);
    }
  });
});

function datagramsOf(choose: (packet: RecordedPacket) => boolean): number {
  return exchangeNames().reduce((sum, name) => sum + readExchange(name).packets.filter(choose).length, 0);
}
