import { readCounter } from "../wire/plain.ts";
import {
  type Candidate,
  MESSAGE_BYTES,
  type MessageKind,
  MIN_TRANSPORT_BYTES,
  TRANSPORT_HEADER_BYTES,
} from "../wire/wire-format.ts";
import { type HeaderMask, MASK_NONCE_BYTES } from "./header-mask.ts";
import type { AmneziaParameters } from "./parameters.ts";

type HandshakeKind = Exclude<MessageKind, "transport">;

/** Cheapest to refute first: an unknown index costs a lookup, a wrong mac1 a hash. */
const HANDSHAKE_KINDS: readonly HandshakeKind[] = ["cookie", "response", "initiation"];

/**
 * Every interpretation of a datagram that the parameters allow. Released programs use the first that fits and lose
 * misread packets (amneziawg-go issue 186: a quarter of all packets with wide header ranges and trailers).
 * Includes what peers with known defects send: transport without padding (keepalives of v0.2.13 to v0.2.17; the first
 * packet of 3.x after a change of S4), and cookie replies without mask (kernel module 3.0).
 */
export function readingsOf(
  datagram: Uint8Array,
  parameters: AmneziaParameters,
  mask: HeaderMask | undefined,
): readonly Candidate[] {
  if (datagram.length < MIN_TRANSPORT_BYTES) return [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const masked = mask?.firstWord(view, 0) ?? 0;
  const readings: Candidate[] = [];
  const { transport: prefix } = parameters.paddingBytes;
  addTransport(readings, view, prefix, masked, parameters, mask);
  for (const kind of HANDSHAKE_KINDS) addHandshake(readings, datagram, view, kind, masked, parameters, mask);
  if (mask !== undefined) addHandshake(readings, datagram, view, "cookie", 0, parameters, undefined);
  if (prefix > 0) addTransport(readings, view, 0, 0, parameters, undefined);
  return readings;
}

function isWithin([low, high]: readonly [number, number], word: number): boolean {
  return word >= low && word <= high;
}

function addTransport(
  readings: Candidate[],
  view: DataView,
  offset: number,
  firstMaskWord: number,
  { headers }: AmneziaParameters,
  mask: HeaderMask | undefined,
): void {
  if (view.byteLength < offset + MIN_TRANSPORT_BYTES) return;
  const headerWord = (view.getUint32(offset, true) ^ firstMaskWord) >>> 0;
  if (!isWithin(headers.transport, headerWord)) return;
  const header = new DataView(new ArrayBuffer(MASK_NONCE_BYTES + TRANSPORT_HEADER_BYTES));
  for (let at = 0; at < MASK_NONCE_BYTES; at += 4) header.setUint32(at, view.getUint32(at));
  for (let at = 0; at < TRANSPORT_HEADER_BYTES; at += 4)
    header.setUint32(MASK_NONCE_BYTES + at, view.getUint32(offset + at));
  mask?.apply(header, 0, MASK_NONCE_BYTES, TRANSPORT_HEADER_BYTES);
  readings.push({
    kind: "transport",
    headerWord,
    receiver: header.getUint32(MASK_NONCE_BYTES + 4, true),
    counter: readCounter(header, MASK_NONCE_BYTES + 8),
    sealedOffset: offset + TRANSPORT_HEADER_BYTES,
  });
}

function addHandshake(
  readings: Candidate[],
  datagram: Uint8Array,
  view: DataView,
  kind: HandshakeKind,
  firstMaskWord: number,
  { paddingBytes, headers, hasRandomTrailers }: AmneziaParameters,
  mask: HeaderMask | undefined,
): void {
  const offset = paddingBytes[kind];
  const end = offset + MESSAGE_BYTES[kind];
  if (hasRandomTrailers ? datagram.length < end : datagram.length !== end) return;
  if (!isWithin(headers[kind], (view.getUint32(offset, true) ^ firstMaskWord) >>> 0)) return;
  if (mask === undefined) {
    readings.push({ kind, message: datagram.subarray(offset, end) });
    return;
  }
  // Node's Buffer is a Uint8Array, but its slice is no copy.
  const copy = new Uint8Array(datagram.subarray(0, end));
  mask.apply(new DataView(copy.buffer), 0, offset, MESSAGE_BYTES[kind]);
  readings.push({ kind, message: copy.subarray(offset) });
}
