import { createAmneziaWire, encodeDatagram } from "../../../src/engine/awg/amnezia-wire.ts";
import { HeaderMask } from "../../../src/engine/awg/header-mask.ts";
import type { AmneziaParameters } from "../../../src/engine/awg/parameters.ts";
import { createCookieReply } from "../../../src/engine/cookie/cookie-reply.ts";
import { cookieKey } from "../../../src/engine/cookie/macs.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { consumeInitiation, createInitiation } from "../../../src/engine/noise/initiation.ts";
import { createResponse } from "../../../src/engine/noise/response.ts";
import { MESSAGE_BYTES, type MessageKind } from "../../../src/engine/wire/wire-format.ts";
import { type Draw, scriptedSources } from "../scripted-sources.ts";

const NOTHING = new Uint8Array(0);
const crypto = NOBLE_CRYPTO;

/** The window trailers are drawn from before any data was seen. */
const WINDOW_BYTES = 500;

/** Ranges without a value: a released sender does not draw anew what is misread, so nothing may look like it. */
const NO_HEADERS = { initiation: [1, 0], response: [1, 0], cookie: [1, 0], transport: [1, 0] } as const;

function wrapped(
  kind: Exclude<MessageKind, "transport">,
  message: Uint8Array,
  parameters: AmneziaParameters,
  inputs: { readonly padding: Uint8Array; readonly trailer: Uint8Array; readonly mask?: Uint8Array },
): Uint8Array {
  const used = { ...parameters, headers: NO_HEADERS, headerProtectionKey: inputs.mask };
  const most = WINDOW_BYTES - used.paddingBytes[kind] - MESSAGE_BYTES[kind] - 1;
  const { padding, trailer } = inputs;
  const draws: Draw[] = used.hasRandomTrailers
    ? [{ bytes: padding }, { value: trailer.length, low: 0, high: most }, { bytes: trailer }]
    : [{ bytes: padding }];
  return createAmneziaWire(used, scriptedSources(draws)).wrap(kind, message, undefined);
}

export interface InitiationFields {
  readonly privateKey: Uint8Array;
  readonly remoteStatic: Uint8Array;
  readonly ephemeral: Uint8Array;
  readonly timestamp: Uint8Array;
  readonly senderIndex: number;
  readonly headerWord: number;
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
  readonly cookie?: Uint8Array;
  readonly mask?: Uint8Array;
}

export function encodeInitiation(parameters: AmneziaParameters, fields: InitiationFields): Uint8Array | undefined {
  const staticShared = crypto.dh(fields.privateKey, fields.remoteStatic);
  if (staticShared === undefined) return undefined;
  const made = createInitiation(crypto, {
    identity: { privateKey: fields.privateKey, publicKey: crypto.publicKey(fields.privateKey) },
    remoteStatic: fields.remoteStatic,
    staticShared,
    ephemeralPrivate: fields.ephemeral.slice(),
    timestamp: fields.timestamp,
    senderIndex: fields.senderIndex,
    headerWord: fields.headerWord,
    cookie: fields.cookie,
  });
  return made && wrapped("initiation", made.message, parameters, fields);
}

export interface ResponseFields {
  readonly privateKey: Uint8Array;
  readonly ephemeral: Uint8Array;
  readonly presharedKey: Uint8Array;
  readonly senderIndex: number;
  readonly headerWord: number;
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
  readonly mask?: Uint8Array;
}

/** `initiation` is the message that is answered, without padding. */
export function encodeResponse(
  parameters: AmneziaParameters,
  initiation: Uint8Array,
  fields: ResponseFields,
): Uint8Array | undefined {
  const { privateKey } = fields;
  const identity = { privateKey, publicKey: crypto.publicKey(privateKey) };
  const state = consumeInitiation(crypto, identity, initiation, (remote) => crypto.dh(privateKey, remote));
  if (state === undefined) return undefined;
  const made = createResponse(crypto, state, {
    ephemeralPrivate: fields.ephemeral,
    senderIndex: fields.senderIndex,
    presharedKey: fields.presharedKey,
    headerWord: fields.headerWord,
  });
  return made && wrapped("response", made.message, parameters, fields);
}

export interface CookieFields {
  /** The responder's own public key. */
  readonly publicKey: Uint8Array;
  readonly secret: Uint8Array;
  /** Address and port as the responder writes them. */
  readonly source: Uint8Array;
  readonly nonce: Uint8Array;
  readonly receiverIndex: number;
  readonly mac1: Uint8Array;
  readonly headerWord: number;
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
  readonly mask?: Uint8Array;
}

export function encodeCookie(parameters: AmneziaParameters, fields: CookieFields): Uint8Array {
  const message = createCookieReply(crypto, {
    receiverIndex: fields.receiverIndex,
    headerWord: fields.headerWord,
    nonce: fields.nonce,
    cookie: crypto.mac16(fields.secret, fields.source),
    mac1: fields.mac1,
    key: cookieKey(crypto, fields.publicKey),
  });
  return wrapped("cookie", message, parameters, fields);
}

export interface TransportFields {
  readonly key: Uint8Array;
  readonly receiverIndex: number;
  readonly counter: number;
  /** The inner packet with its zeros. */
  readonly plaintext: Uint8Array;
  readonly headerWord: number;
  readonly padding: Uint8Array;
  readonly mask?: Uint8Array;
}

/** A transport message written in place, as the data plane does. */
export function encodeTransport(parameters: AmneziaParameters, fields: TransportFields): Uint8Array {
  const { headerWord, padding, mask } = fields;
  const [least, most] = parameters.headers.transport;
  const range =
    headerWord >= least && headerWord <= most ? ([least, most] as const) : ([headerWord, headerWord] as const);
  const draws: Draw[] = [{ bytes: padding }, { value: headerWord, low: range[0], high: range[1] }];
  const headers = { ...parameters.headers, transport: range };
  const { transport } = createAmneziaWire(
    { ...parameters, headers, headerProtectionKey: mask },
    scriptedSources(draws),
  );
  const sealed = crypto.aeadSeal(fields.key, fields.counter, fields.plaintext, NOTHING);
  const datagram = new Uint8Array(transport.prefixBytes + 16 + sealed.length);
  transport.write(new DataView(datagram.buffer), 0, fields.receiverIndex, fields.counter);
  datagram.set(sealed, transport.prefixBytes + 16);
  return datagram;
}

/**
 * What amneziawg-go 3.0 sends as first packet after S4 was changed: no padding, and the mask's nonce is taken from where
 * padding should be, the header itself.
 */
export function encodeFirstAfterChange(fields: Omit<TransportFields, "padding">): Uint8Array {
  const message = new Uint8Array(16);
  const view = new DataView(message.buffer);
  view.setUint32(0, fields.headerWord, true);
  view.setUint32(4, fields.receiverIndex, true);
  view.setUint32(8, fields.counter, true);
  const sealed = crypto.aeadSeal(fields.key, fields.counter, fields.plaintext, NOTHING);
  const mask = fields.mask === undefined ? undefined : new HeaderMask(fields.mask);
  const whole = Uint8Array.from([...message, ...sealed]);
  return encodeDatagram({ padding: NOTHING, message: whole, trailer: NOTHING, maskedBytes: 16 }, mask);
}

/** Every copy of the fields in which one bit of one field is other than it was, by the name of what was flipped. */
export function* flipped<T extends object>(fields: T): Generator<readonly [name: string, fields: T]> {
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (typeof value === "number") yield [name, { ...fields, [name]: (value ^ 1) >>> 0 }];
    if (!(value instanceof Uint8Array)) continue;
    for (const at of new Set([0, value.length >> 1, value.length - 1])) {
      if (at < 0 || at >= value.length) continue;
      const copy = value.slice();
      // Bit 3: X25519 sets or clears bits 0 to 2 of the first and 6 to 7 of the last byte of a private key.
      copy[at] = (copy[at] ?? 0) ^ 0x08;
      yield [`${name}[${at}]`, { ...fields, [name]: copy }];
    }
  }
}
