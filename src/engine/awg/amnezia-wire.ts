import type { Sources } from "../sources.ts";
import { MESSAGE_BYTES, type MessageKind, type WireFormat } from "../wire/wire-format.ts";
import { amneziaTransport } from "./amnezia-transport.ts";
import { readingsOf } from "./candidates.ts";
import { FirstFit } from "./first-fit.ts";
import { HeaderMask } from "./header-mask.ts";
import { initiationPreamble } from "./initiation-preamble.ts";
import type { AmneziaParameters } from "./parameters.ts";
import { PeerMemory, windowOf } from "./peer-memory.ts";
import { RandomPool } from "./random-pool.ts";

/** How often a handshake message is wrapped again if released receivers take it for another. */
const WRAPS = 32;

/**
 * The format of AmneziaWG 1.0 to 3.1 with these parameters. Sending follows the version; receiving accepts all, because
 * peers do not announce theirs. The format owns the key of the mask from here on.
 */
export function createAmneziaWire(parameters: AmneziaParameters, sources: Sources): WireFormat {
  const pool = new RandomPool(sources);
  const { headerProtectionKey: key, headers } = parameters;
  const mask = key === undefined ? undefined : new HeaderMask(key);
  const firstFit = new FirstFit(parameters);
  return {
    name: `amneziawg ${parameters.generation}`,
    transport: amneziaTransport(parameters, pool, mask, firstFit),
    forPeer: () => new PeerMemory(),
    headerWord: (kind) => pool.between(...headers[kind]),
    wrap(kind, message, peer, mostBytes = Number.POSITIVE_INFINITY) {
      for (let attempt = 1; ; attempt += 1) {
        const padding = pool.bytes(parameters.paddingBytes[kind]);
        // Without a trailer a datagram is too short for most readings.
        const most = attempt === WRAPS ? 0 : Math.min(mostBytes, windowOf(peer) - 1);
        const trailer = pool.bytes(trailerLength(kind, parameters, most, pool));
        const datagram = encodeDatagram({ padding, message, trailer, maskedBytes: message.length }, mask);
        const view = new DataView(datagram.buffer);
        const maskWord = mask?.firstWord(view, 0) ?? 0;
        if (attempt === WRAPS || !firstFit.isMisread(kind, view, 0, datagram.length, maskWord)) return datagram;
      }
    },
    beforeInitiation: (peer, now, unixSeconds) =>
      initiationPreamble(parameters, pool, peer instanceof PeerMemory ? peer : new PeerMemory(), now, unixSeconds),
    candidates: (datagram) => readingsOf(datagram, parameters, mask),
    // An inner packet starts with its IP version, never 0; peers with content padding send zeros as keepalive.
    isKeepalive: (innerBytes, firstByte) => innerBytes === 0 || firstByte === 0,
    forgetKeys() {
      mask?.wipe();
      key?.fill(0);
    },
  };
}

/** The parts of a datagram, in the order of their bytes. */
export interface DatagramParts {
  readonly padding: Uint8Array;
  /** A finished message, macs or seal in place. */
  readonly message: Uint8Array;
  readonly trailer: Uint8Array;
  /** The masked part of the message: all of a handshake message, the header of a transport message. */
  readonly maskedBytes: number;
}

/** Joins a datagram's parts and masks them; the nonce is the start of the sent padding. */
export function encodeDatagram(parts: DatagramParts, mask: HeaderMask | undefined): Uint8Array {
  const { padding, message, trailer, maskedBytes } = parts;
  const datagram = new Uint8Array(padding.length + message.length + trailer.length);
  datagram.set(padding);
  datagram.set(message, padding.length);
  datagram.set(trailer, padding.length + message.length);
  mask?.apply(new DataView(datagram.buffer), 0, padding.length, maskedBytes);
  return datagram;
}

/** 3.1: random bytes after a handshake message, so that the datagram has at most `mostBytes`. */
function trailerLength(
  kind: Exclude<MessageKind, "transport">,
  { hasRandomTrailers, paddingBytes }: AmneziaParameters,
  mostBytes: number,
  pool: RandomPool,
): number {
  if (!hasRandomTrailers) return 0;
  return Math.max(0, pool.between(0, mostBytes - paddingBytes[kind] - MESSAGE_BYTES[kind]));
}
