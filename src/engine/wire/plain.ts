import {
  type Candidate,
  MESSAGE_BYTES,
  type MessageKind,
  MIN_TRANSPORT_BYTES,
  type PeerWire,
  TRANSPORT_HEADER_BYTES,
  type TransportHeader,
  type TransportWire,
  type WireFormat,
} from "./wire-format.ts";

/** The type words of plain WireGuard: one byte of type, three reserved zero bytes (paper section 5.4). */
const TYPE_WORDS: Readonly<Record<MessageKind, number>> = { initiation: 1, response: 2, cookie: 3, transport: 4 };

const NOTHING: PeerWire = { noteTransport() {}, endpointChanged() {} };

const NO_DATAGRAMS: readonly Uint8Array[] = [];
const NO_CANDIDATES: readonly Candidate[] = [];

/** The inner packet padded to the next multiple of 16, at most the MTU, never below its length (section 5.4.6). */
export function plainPaddedLength(innerBytes: number, mtuBytes: number): number {
  const padded = (innerBytes + 15) & ~15;
  return padded <= mtuBytes ? padded : Math.max(innerBytes, mtuBytes);
}

/** The 64-bit little-endian counter at `offset` as a number; Infinity from 2^53 on, where numbers lose exactness. */
export function readCounter(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  return high < 2 ** 21 ? high * 2 ** 32 + view.getUint32(offset, true) : Number.POSITIVE_INFINITY;
}

/** Writes a counter below 2^53 as 64 bits little-endian. */
export function writeCounter(view: DataView, offset: number, counter: number): void {
  view.setUint32(offset, counter >>> 0, true);
  view.setUint32(offset + 4, Math.floor(counter / 2 ** 32), true);
}

const TRANSPORT: TransportWire = {
  words: [TYPE_WORDS.transport, TYPE_WORDS.transport],
  maskKey: undefined,
  prefixBytes: 0,
  overheadBytes: MIN_TRANSPORT_BYTES,
  plainPadding: true,
  paddedLength: plainPaddedLength,
  write(view: DataView, offset: number, receiver: number, counter: number): void {
    view.setUint32(offset, TYPE_WORDS.transport, true);
    view.setUint32(offset + 4, receiver, true);
    writeCounter(view, offset + 8, counter);
  },
  read(view: DataView, offset: number, length: number, header: TransportHeader): boolean {
    if (length < MIN_TRANSPORT_BYTES || view.getUint32(offset, true) !== TYPE_WORDS.transport) return false;
    header.receiver = view.getUint32(offset + 4, true);
    header.counter = readCounter(view, offset + 8);
    return true;
  },
};

/** The format of standard WireGuard: nothing is added, the type word names the kind. */
export const PLAIN_WIRE: WireFormat = {
  name: "wireguard",
  transport: TRANSPORT,
  forPeer: () => NOTHING,
  headerWord: (kind) => TYPE_WORDS[kind],
  wrap: (_kind, message) => message,
  beforeInitiation: () => NO_DATAGRAMS,
  candidates: readPlain,
  isKeepalive: (innerBytes) => innerBytes === 0,
};

function readPlain(datagram: Uint8Array): readonly Candidate[] {
  if (datagram.length < MIN_TRANSPORT_BYTES) return NO_CANDIDATES;
  // No view: in a flood most datagrams end here.
  const reserved = (datagram[1] as number) | (datagram[2] as number) | (datagram[3] as number);
  const word = reserved === 0 ? (datagram[0] as number) : 0;
  if (word === TYPE_WORDS.transport) {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    return [
      {
        kind: "transport",
        headerWord: word,
        receiver: view.getUint32(4, true),
        counter: readCounter(view, 8),
        sealedOffset: TRANSPORT_HEADER_BYTES,
      },
    ];
  }
  for (const kind of ["initiation", "response", "cookie"] as const) {
    if (word === TYPE_WORDS[kind] && datagram.length === MESSAGE_BYTES[kind]) return [{ kind, message: datagram }];
  }
  return NO_CANDIDATES;
}
