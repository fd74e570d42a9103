import { plainPaddedLength, readCounter, writeCounter } from "../wire/plain.ts";
import {
  MIN_TRANSPORT_BYTES,
  type PeerWire,
  TRANSPORT_HEADER_BYTES,
  type TransportHeader,
  type TransportWire,
} from "../wire/wire-format.ts";
import type { FirstFit } from "./first-fit.ts";
import type { HeaderMask } from "./header-mask.ts";
import type { AmneziaParameters } from "./parameters.ts";
import { windowOf } from "./peer-memory.ts";
import type { RandomPool } from "./random-pool.ts";

/**
 * Transport messages of AmneziaWG, in place: S4 random bytes, then the header with a word from H4, masked if there is a
 * key.
 */
export function amneziaTransport(
  parameters: AmneziaParameters,
  pool: RandomPool,
  mask: HeaderMask | undefined,
  firstFit: FirstFit,
): TransportWire {
  const prefixBytes = parameters.paddingBytes.transport;
  const [low, high] = parameters.headers.transport;
  return {
    words: [low, high],
    maskKey: parameters.headerProtectionKey,
    prefixBytes,
    overheadBytes: prefixBytes + MIN_TRANSPORT_BYTES,
    plainPadding: parameters.contentPadding === undefined && !parameters.hasRandomTrailers,
    paddedLength: paddingRule(parameters, pool),
    write(view, offset, receiver, counter) {
      const at = offset + prefixBytes;
      pool.fill(view, offset, prefixBytes);
      view.setUint32(at, pool.between(low, high), true);
      view.setUint32(at + 4, receiver, true);
      writeCounter(view, at + 8, counter);
      mask?.apply(view, offset, at, TRANSPORT_HEADER_BYTES);
    },
    // `write` left the mask's first block there.
    isMisread: (view, offset, length) => firstFit.isMisread("transport", view, offset, length, mask?.word(0) ?? 0),
    read(view, offset, length, header) {
      if (length < prefixBytes + MIN_TRANSPORT_BYTES) return false;
      const at = offset + prefixBytes;
      if (mask !== undefined) return readMasked(view, offset, at, mask, low, high, header);
      const word = view.getUint32(at, true);
      if (word < low || word > high) return false;
      header.receiver = view.getUint32(at + 4, true);
      header.counter = readCounter(view, at + 8);
      return true;
    },
  };
}

function readMasked(
  view: DataView,
  nonceOffset: number,
  at: number,
  mask: HeaderMask,
  low: number,
  high: number,
  header: TransportHeader,
): boolean {
  const word = (view.getUint32(at, true) ^ mask.firstWord(view, nonceOffset)) >>> 0;
  if (word < low || word > high) return false;
  header.receiver = (view.getUint32(at + 4, true) ^ mask.word(1)) >>> 0;
  const counterLow = (view.getUint32(at + 8, true) ^ mask.word(2)) >>> 0;
  const counterHigh = (view.getUint32(at + 12, true) ^ mask.word(3)) >>> 0;
  header.counter = counterHigh < 2 ** 21 ? counterHigh * 2 ** 32 + counterLow : Number.POSITIVE_INFINITY;
  return true;
}

/**
 * The padded length of an inner packet: the plain rule; contentPaddingAddition more (3.0); or, with trailers only, a
 * random length below the window (3.1). Never above the MTU, never below the packet.
 */
function paddingRule(
  { contentPadding, hasRandomTrailers, paddingBytes }: AmneziaParameters,
  pool: RandomPool,
): TransportWire["paddedLength"] {
  if (contentPadding !== undefined) {
    const [least, most] = contentPadding;
    return (innerBytes, mtuBytes) => Math.max(innerBytes, Math.min(mtuBytes, innerBytes + pool.between(least, most)));
  }
  if (!hasRandomTrailers) return plainPaddedLength;
  return (innerBytes: number, mtuBytes: number, peer: PeerWire) => {
    const datagramBytes = innerBytes + paddingBytes.transport + MIN_TRANSPORT_BYTES;
    const added = pool.between(0, windowOf(peer) - datagramBytes - 1);
    return Math.max(innerBytes, Math.min(mtuBytes, innerBytes + added));
  };
}
