import { equalBytes } from "../crypto/kdf.ts";

/** The four messages of WireGuard, paper section 5.4. */
export type MessageKind = "initiation" | "response" | "cookie" | "transport";

/** Bytes of the messages of fixed size (paper section 5.4), macs included. */
export const MESSAGE_BYTES = { initiation: 148, response: 92, cookie: 64 } as const;

/** Bytes in front of the sealed part of a transport message: type word, receiver index, counter (section 5.4.6). */
export const TRANSPORT_HEADER_BYTES = 16;

/** The smallest transport message, an empty plaintext: header and tag. */
export const MIN_TRANSPORT_BYTES = 32;

/**
 * One interpretation of a datagram. A format returns every one that could fit, in the best order; the engine uses the
 * first that authenticates. Initiation and response authenticate by mac1, a cookie reply by an expected receiver index
 * and its AEAD, transport by a known receiver index and its AEAD. So a wrong guess loses nothing.
 */
export type Candidate =
  | {
      readonly kind: "initiation" | "response" | "cookie";
      /** Exactly the bytes of the message, unmasked, without padding and trailer; the type word as it was sent. */
      readonly message: Uint8Array;
    }
  | {
      readonly kind: "transport";
      readonly headerWord: number;
      readonly receiver: number;
      /** The counter as a number; 2^53 and above become Infinity, which no session accepts. */
      readonly counter: number;
      /** Offset of the sealed part in the datagram; it extends to the end. */
      readonly sealedOffset: number;
    };

/**
 * How a misread transport message is avoided: written again with other padding, mask and type word, and each fourth time
 * sealed with the next counter, where the sealed bytes are what is misread. At the worst (a quarter misread) one of a
 * billion remains.
 */
export const MISREADING = { attempts: 64, writesASeal: 4 } as const;

/** The content of a transport header, filled in place by `TransportWire.read`, so that reading allocates nothing. */
export interface TransportHeader {
  receiver: number;
  counter: number;
}

/** What a format remembers of one peer (largest datagram seen, last sending of signature packets). */
export interface PeerWire {
  /** A transport datagram of this many UDP payload bytes was sent to or received from the peer (authenticated). */
  noteTransport(datagramBytes: number): void;
  /** The peer has another endpoint now. */
  endpointChanged(): void;
}

/**
 * The transport message in place, for the loop that seals and opens without copies:
 * `[prefixBytes][16 header bytes][sealed inner packet, padded][16 bytes tag]`.
 */
export interface TransportWire {
  /** The type words it writes and reads: first to last, both included (H4). */
  readonly words: readonly [low: number, high: number];
  /** The mask of the header; undefined: none. */
  readonly maskKey: Uint8Array | undefined;
  /** Bytes in front of the header (S4); 0 in plain WireGuard. */
  readonly prefixBytes: number;
  /** Bytes of a datagram beyond the padded inner packet: prefix, header and tag. */
  readonly overheadBytes: number;
  /**
   * Whether padded lengths follow the plain rule (next multiple of 16, at most the MTU), so that the loop can segment
   * in place with equal sizes. If false it must call `paddedLength` for each packet.
   */
  readonly plainPadding: boolean;
  /** The zero-padded length of an inner packet of `innerBytes`; `mtuBytes` is the tunnel's MTU and the limit. */
  paddedLength(innerBytes: number, mtuBytes: number, peer: PeerWire): number;
  /**
   * Writes prefix, type word, receiver index and counter at `offset`, masked where the format masks: prefixBytes + 16
   * bytes in all. Allocates nothing.
   */
  write(view: DataView, offset: number, receiver: number, counter: number): void;
  /**
   * Whether released receivers take the datagram, just written by `write`, for another message and lose it. Then it is
   * written again, or sealed with another counter: see MISREADING. Absent: they never do. Allocates nothing.
   */
  isMisread?(view: DataView, offset: number, length: number): boolean;
  /**
   * Reads the `length` bytes at `offset` as a transport message without changing them: true, with `header` filled, if
   * they can be one. The sealed part starts at offset + prefixBytes + 16. Unauthenticated: the caller tries the
   * session's key and, if that fails, passes the whole datagram to the device, which tries the other interpretations.
   */
  read(view: DataView, offset: number, length: number, header: TransportHeader): boolean;
}

/** Whether a program that reads only `former` can read every transport message of `next`. */
export function readsAllOf(former: TransportWire, next: TransportWire): boolean {
  const isWithin = next.words[0] >= former.words[0] && next.words[1] <= former.words[1];
  return isWithin && next.prefixBytes === former.prefixBytes && sameKey(next.maskKey, former.maskKey);
}

function sameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : equalBytes(one, other);
}

/**
 * Converts between WireGuard's messages and UDP datagrams. Plain WireGuard and every version of AmneziaWG are the same
 * engine with another format. A format gets its sources of randomness; its only state is `PeerWire`.
 */
export interface WireFormat {
  /** For people: "wireguard", "amneziawg 2.0". */
  readonly name: string;
  readonly transport: TransportWire;
  /** The memory for a new peer. */
  forPeer(): PeerWire;
  /** The type word of the next message of the kind, random if it is a range. It is covered by mac1 and mac2. */
  headerWord(kind: MessageKind): number;
  /**
   * The datagram of a finished handshake message or cookie reply (macs in place): padding, mask, trailer. `peer` is
   * undefined for a recipient that is not authenticated yet (a cookie reply). Above `mostBytes` optional parts are left
   * out: padding is required, a trailer is not.
   */
  wrap(
    kind: Exclude<MessageKind, "transport">,
    message: Uint8Array,
    peer: PeerWire | undefined,
    mostBytes?: number,
  ): Uint8Array;
  /**
   * The datagrams before every initiation, whether first try, retry or rekey (signature packets, junk), in order. `now`
   * is the monotonic clock in milliseconds; `unixSeconds` the wall clock for time tags.
   */
  beforeInitiation(peer: PeerWire, now: number, unixSeconds: number): readonly Uint8Array[];
  /** Every interpretation of a received datagram; empty if it cannot be ours. Never throws, whatever the bytes. */
  candidates(datagram: Uint8Array): readonly Candidate[];
  /** Whether a decrypted inner packet is a keepalive, which is not delivered: empty, in 3.0 also first byte zero. */
  isKeepalive(innerBytes: number, firstByte: number): boolean;
  /** Zeroes the keys of the format, if any; it is unusable afterwards. */
  forgetKeys?(): void;
}
