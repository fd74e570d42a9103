import type { Prefix } from "../model/prefix.ts";
import type { TimeRange, Timing } from "./constants.ts";
import type { Crypto } from "./crypto/crypto.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Sources } from "./sources.ts";
import type { PeerWire, WireFormat } from "./wire/wire-format.ts";

/**
 * The contract of the engine: a WireGuard interface without I/O of its own. Bytes and the monotonic clock (`now`,
 * milliseconds, never going back) go in, `Output`s come out; `createDevice` (create-device.ts) makes one.
 *
 * It has two paths. The slow path (`receive`, `send`, `tick`) does everything, cryptography included, and is
 * sufficient. The hot path is for a loop that seals and opens in place. Such a loop uses `routeTo`, `currentSession`,
 * `takeCounters`, `sessionByIndex` and `isNewCounter`, does the AEAD itself and reports by `noteSent` and
 * `noteReceived`. None of these allocates.
 * What the hot path cannot finish goes to the slow path. After every batch the loop compares `nextDeadline()` with
 * `now` and calls `tick` if it is due: noteSent and noteReceived only move the deadline.
 */
export interface Device {
  readonly publicKey: Uint8Array;
  /** All peers, in no particular order. */
  peers(): Iterable<Peer>;
  peerByKey(publicKey: Uint8Array): Peer | undefined;

  /**
   * Accepts one received UDP payload; the array is not kept. Any bytes are allowed, nothing is thrown. `underLoad`: the
   * loop has more handshakes of this source than it can process. Then only sources with a valid mac2 get a handshake,
   * others a cookie reply; for `cookies: false` see there. `triedHot`: the hot path's interpretation did not
   * authenticate.
   */
  receive(
    datagram: Uint8Array,
    from: Endpoint,
    now: number,
    underLoad?: boolean,
    triedHot?: boolean,
  ): readonly Output[];
  /** Whether the datagram may be a handshake message, which costs much and need not be received at once. */
  isHandshake(datagram: Uint8Array): boolean;
  /**
   * Sends one inner IP packet to the peer of its destination: sealed if there is a session, else queued (a copy) during
   * a handshake. Packets without a peer are counted in `unroutable` and dropped.
   */
  send(innerPacket: Uint8Array, now: number): readonly Output[];
  /**
   * Does what is due: retransmits, keepalives, rekeys, giving up, dropping keys. For at most `mostPeers`; the others
   * stay due.
   */
  tick(now: number, mostPeers?: number): readonly Output[];
  /** The latest time for the next `tick`; Infinity for never. An earlier call is harmless. */
  nextDeadline(): number;

  /** Hot: the peer with the longest allowed prefix that matches the address at `offset` (4 or 16 bytes by family). */
  routeTo(bytes: Uint8Array, offset: number, family: 4 | 6): Peer | undefined;
  /** Hot: whether the inner packet at `offset` is IP and its source address belongs to the peer (paper section 3). */
  acceptsSource(peer: Peer, bytes: Uint8Array, offset: number, length: number): boolean;
  /** Hot: the unexpired session with this receiver index. */
  sessionByIndex(receiver: number, now: number): Session | undefined;
  /**
   * Hot: packets were sealed with this session and sent. `dataPackets` excludes keepalives; `bytes` are UDP payload
   * bytes. May make a rekey or timer due: see nextDeadline. The loop itself reports the largest datagram, sent or
   * received, to `peer.wire.noteTransport`.
   */
  noteSent(session: Session, dataPackets: number, bytes: number, now: number): void;
  /**
   * Hot: packets of this session authenticated and their counters were accepted. Confirms the session, moves the peer's
   * endpoint to `from`, arms timers. Pass the same object while the address stays the same: identity is compared first.
   */
  noteReceived(session: Session, dataPackets: number, bytes: number, from: Endpoint, now: number): void;

  /**
   * Applies exactly this config; without `peers` they stay. Remaining peers keep sessions, counters and roamed endpoints (unless the configured
   * one changed). With another private key or wire format a handshake starts at once with every peer that has a
   * session. The session continues until it is replaced or expires. The former format is read for REJECT_AFTER_TIME
   * more, and sent to peers that did not use the new one yet.
   */
  configure(config: DeviceChange, now: number): readonly Output[];
  /**
   * Adds or replaces one peer (matched by public key); prefixes move here from their former peer. Its session is kept,
   * and so is a roamed endpoint if the configured one stays. A peer with our own key is ignored.
   */
  setPeer(peer: PeerConfig, now: number): readonly Output[];
  /**
   * Removes these prefixes of the peer and gives it others, which move here from their former peer; false: no such
   * peer.
   */
  changePrefixes(publicKey: Uint8Array, add: readonly Prefix[], remove: readonly Prefix[]): boolean;
  /** Removes a peer and wipes its keys; false if there is none. */
  removePeer(publicKey: Uint8Array): boolean;
  /** Sets a peer's endpoint (a name resolved again, `wg set endpoint`) and keeps its session; false: no such peer. */
  setEndpoint(publicKey: Uint8Array, endpoint: Endpoint): boolean;
  /**
   * Starts a handshake with the peer now instead of at the first packet; nothing if a session exists or is in progress.
   */
  connect(publicKey: Uint8Array, now: number): readonly Output[];
  /** Starts a handshake with the peer now, also within a session, which continues; nothing without an endpoint. */
  shakeHands(publicKey: Uint8Array, now: number): readonly Output[];
  /** Zeroes every key. The device is unusable afterwards. */
  close(): void;

  readonly counters: DeviceCounters;
}

export interface DeviceConfig {
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
  readonly wire: WireFormat;
  /** The paper's by default. */
  readonly timing?: Timing;
  /**
   * False: no cookie reply is ever sent (AmneziaWG 3.1). Under load a limited number of initiations per source is still
   * accepted, first from known peers' addresses, and responses to pending initiations. Default true.
   */
  readonly cookies?: boolean;
  /** The tunnel's MTU, the cap of padding. */
  readonly mtuBytes: number;
  /** The time that an earlier device with this key may have used: seconds since 1970. For a new device only. */
  readonly notBeforeSeconds?: number;
  readonly peers: readonly PeerConfig[];
}

/** A config for a running device. */
export type DeviceChange = Omit<DeviceConfig, "peers"> & Partial<Pick<DeviceConfig, "peers">>;

export interface PeerConfig {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  readonly endpoint?: Endpoint;
  /**
   * Every address it may have, `endpoint` included, the likeliest first; absent: only that one. A handshake without a
   * usable session, and each repetition, tries them all, one shortly after the other. The first to answer becomes the
   * endpoint.
   */
  readonly endpoints?: readonly Endpoint[];
  /** Absent: those it has stay. */
  readonly allowedIPs?: readonly Prefix[];
  /** Milliseconds, drawn again each time it is armed; absent or 0..0 is off. */
  readonly persistentKeepalive?: TimeRange;
}

/** The inputs of a device. */
export interface DevicePorts {
  readonly crypto: Crypto;
  readonly sources: Sources;
  /** Notified of new and closed sessions, before any output that uses them. */
  readonly sessions?: SessionListener;
  /** The largest UDP payload that reaches an endpoint unfragmented: padding stays below it. Absent: unknown. */
  readonly payloadBytes?: (to: Endpoint) => number;
}

/** For a loop that keeps keys in native memory: `opened` may load them and set `session.slot`; `closed` must free. */
export interface SessionListener {
  opened(session: Session): void;
  /** Called once, before the keys are wiped. */
  closed(session: Session): void;
}

export interface Peer {
  readonly publicKey: Uint8Array;
  readonly endpoint: Endpoint | undefined;
  readonly wire: PeerWire;
  /**
   * Hot: the format for sending to it. After a change of the device's format this is the former one until the peer uses
   * the new one, so that the peers can change one after the other without loss. A loop passes what such a peer sends to
   * the engine, which can distinguish the two.
   */
  readonly reads: WireFormat;
  /** For the loop's own use (a cached socket address, a queue); the engine never reads it. */
  slot: unknown;
  /** Hot: the session to seal with. If undefined use `device.send`, which queues and starts a handshake. */
  currentSession(now: number): Session | undefined;
  /** Canonical, in no particular order. */
  allowedIPs(): readonly Prefix[];
  readonly stats: PeerStats;
}

export interface PeerStats {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Wall clock of the last completed handshake; undefined means never. */
  readonly lastHandshake: { readonly seconds: number; readonly nanoseconds: number } | undefined;
  /** Inner packets that waited for a handshake and were dropped. */
  readonly droppedQueued: number;
  /** Initiations sent since the last completed handshake and the last message from the peer. */
  readonly handshakeAttempts: number;
  /** Response time of the last handshake that we initiated; undefined means never. */
  readonly roundTripMs: number | undefined;
  /** Messages that the peer sent over its sessions, by the newest counters, and how many arrived. */
  readonly expectedMessages: number;
  readonly acceptedMessages: number;
}

export interface Session {
  readonly peer: Peer;
  /** The index the peer puts into its messages to us. */
  readonly localIndex: number;
  /** The index we put into messages to the peer. */
  readonly remoteIndex: number;
  /** 32 bytes each; all zero after the session was closed. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** For the loop's own use (address of a cipher context); 0 at first, the engine never reads it. */
  slot: number;
  /** From this time on the session is not used. */
  readonly expiresAt: number;
  /** Hot: reserves `count` consecutive counters and returns the first; -1 if the session must not send any more. */
  takeCounters(count: number): number;
  /** Hot: whether a counter could be new: check before the AEAD, to save it. */
  isNewCounter(counter: number): boolean;
  /** Hot: marks the counter of an authenticated message; false if it was seen or is too old: then drop the packet. */
  acceptCounter(counter: number): boolean;
}

export type Output =
  /** Send this UDP payload. */
  | { readonly kind: "datagram"; readonly to: Endpoint; readonly bytes: Uint8Array; readonly peer: Peer | undefined }
  /** Deliver this inner IP packet to the host. */
  | { readonly kind: "inner"; readonly bytes: Uint8Array; readonly peer: Peer }
  | { readonly kind: "event"; readonly event: DeviceEvent; readonly peer: Peer };

/**
 * `handshake`: a new session can carry data. `roamed`: the peer has another endpoint. `unanswered`: gave up after
 * MAX_HANDSHAKE_ATTEMPTS, tries again when there is something to send. `expired`: all keys of the peer were dropped.
 */
export type DeviceEvent = "handshake" | "roamed" | "unanswered" | "expired";

/** Counts since the device was created; they show why received data was dropped. Plain numbers, updated in place. */
export interface DeviceCounters {
  /** Datagrams without a valid interpretation. */
  unrecognised: number;
  /** Handshake messages with a valid mac1, whatever their result: their rate indicates load. */
  handshakes: number;
  /** Handshake messages with a wrong mac1, from unknown peers, or that did not decrypt. */
  badHandshake: number;
  /** Initiations refused: replayed timestamp or too soon after another. */
  replayedHandshake: number;
  /** Handshake messages refused under load by the rate limit, or answered with a cookie. */
  limited: number;
  cookiesSent: number;
  /** Transport messages with an unknown index. */
  unknownIndex: number;
  /** Transport messages with a failed AEAD. */
  badTransport: number;
  /** Counters seen before or too old. */
  replayed: number;
  /** Inner packets with a source outside the peer's allowedIPs, or that are not IP. */
  badSource: number;
  /** Inner packets to a destination without a peer. */
  unroutable: number;
}
