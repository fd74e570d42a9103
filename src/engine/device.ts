import type { Prefix } from "../model/prefix.ts";
import type { TimeRange, Timing } from "./constants.ts";
import type { Crypto } from "./crypto/crypto.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Sources } from "./sources.ts";
import type { PeerWire, WireFormat } from "./wire/wire-format.ts";

/**
 * The contract of the engine: a WireGuard interface as a machine without input and output of its own. Bytes and the
 * monotonic clock (`now`, milliseconds, never going back) come in, `Output`s come out; `createDevice` (create-device.ts) makes one.
 *
 * Two ways lead through it. The slow way (`receive`, `send`, `tick`) does everything, cryptography included, and is all
 * a program needs. The hot way is for a loop that seals and opens in place: it asks `routeTo`, `currentSession`,
 * `takeCounters`, `sessionByIndex`, `isNewCounter`, does the AEAD itself and reports by `noteSent` and `noteReceived`;
 * none of these allocates. Whatever the hot way cannot finish goes to the slow way. After every batch the loop compares
 * `nextDeadline()` with `now` and calls `tick` when it has come: noteSent and noteReceived only move the deadline.
 */
export interface Device {
  readonly publicKey: Uint8Array;
  /** All peers, in no particular order. */
  peers(): Iterable<Peer>;
  peerByKey(publicKey: Uint8Array): Peer | undefined;

  /**
   * Takes one received UDP payload; the array is not kept. Any bytes are allowed, nothing is thrown. `underLoad` is what
   * the loop thinks of the rate of `counters.handshakes`: then only sources that proved their address by mac2 get a
   * handshake, others a cookie reply; with `cookies: false` see there. `triedHot`: the hot way's reading did not authenticate.
   */
  receive(
    datagram: Uint8Array,
    from: Endpoint,
    now: number,
    underLoad?: boolean,
    triedHot?: boolean,
  ): readonly Output[];
  /**
   * Sends one inner IP packet to the peer its destination belongs to: sealed when there is a session, else queued (a
   * copy) while a handshake is made. Packets nobody takes are counted in `unroutable` and dropped.
   */
  send(innerPacket: Uint8Array, now: number): readonly Output[];
  /** Does what is due: retransmits, keepalives, rekeys, gives up, forgets keys. */
  tick(now: number): readonly Output[];
  /** When `tick` wants to be called at the latest; Infinity when never. Calling it earlier does no harm. */
  nextDeadline(): number;

  /** Hot: the peer whose allowed prefix is the longest over the address at `offset` (4 or 16 bytes by family). */
  routeTo(bytes: Uint8Array, offset: number, family: 4 | 6): Peer | undefined;
  /** Hot: whether the inner packet at `offset` is IP and its source address belongs to the peer (paper section 3). */
  acceptsSource(peer: Peer, bytes: Uint8Array, offset: number, length: number): boolean;
  /** Hot: the session a transport message with this receiver index belongs to, expired ones left out. */
  sessionByIndex(receiver: number, now: number): Session | undefined;
  /**
   * Hot: packets were sealed and handed to the kernel with this session. `dataPackets` counts those that were not
   * keepalives; `bytes` are UDP payload bytes. May make a rekey or timer due: see nextDeadline. The loop itself tells
   * `peer.wire.noteTransport` the largest datagram, for sent and received alike.
   */
  noteSent(session: Session, dataPackets: number, bytes: number, now: number): void;
  /**
   * Hot: packets of this session authenticated, their counters accepted. Confirms the session, moves the peer's endpoint
   * to `from` (hand in the same object while the address stays the same: identity is compared first), arms timers.
   */
  noteReceived(session: Session, dataPackets: number, bytes: number, from: Endpoint, now: number): void;

  /**
   * Makes the device hold exactly this configuration. Peers that stay keep sessions, endpoints they roamed to (unless
   * the configured endpoint changed) and counters; nothing of another peer is touched. With another private key or wire format
   * a handshake begins at once with every peer that has a session; the session goes on until the new one is there or it
   * expires. The former format is read for REJECT_AFTER_TIME more, and sent to peers that were not heard in the new one.
   */
  configure(config: DeviceConfig, now: number): readonly Output[];
  /**
   * One peer added or replaced (matched by public key); prefixes move here from the peer that had them. Its session, and
   * an endpoint it roamed to while the configured one stayed, are kept. A peer with our own key is left out.
   */
  setPeer(peer: PeerConfig, now: number): readonly Output[];
  /** Forgets a peer and wipes its keys; false when there is none. */
  removePeer(publicKey: Uint8Array): boolean;
  /** Moves a peer to another address (a name resolved anew, `wg set endpoint`), its session kept; false: no such peer. */
  setEndpoint(publicKey: Uint8Array, endpoint: Endpoint): boolean;
  /** Makes a session with the peer now instead of with the first packet; nothing when one stands or is being made. */
  connect(publicKey: Uint8Array, now: number): readonly Output[];
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
   * False: no cookie reply is ever sent (AmneziaWG 3.1). Under load so many initiations of each source are taken all the
   * same, from where a peer is first, and responses to what was asked. Default true.
   */
  readonly cookies?: boolean;
  /** The tunnel's MTU, the cap of padding. */
  readonly mtuBytes: number;
  /** What an earlier device with this key may have said the time was: seconds since 1970. For a new device only. */
  readonly notBeforeSeconds?: number;
  readonly peers: readonly PeerConfig[];
}

export interface PeerConfig {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  readonly endpoint?: Endpoint;
  /**
   * Every address it may be at, `endpoint` among them, the likeliest first; absent: that one. A handshake that no session
   * waits for, and each that is repeated, asks them all, one a moment after the other; where the answer comes from first,
   * there the peer is.
   */
  readonly endpoints?: readonly Endpoint[];
  readonly allowedIPs: readonly Prefix[];
  /** Milliseconds, drawn anew each time it is armed; absent or 0..0 is off. */
  readonly persistentKeepalive?: TimeRange;
}

/** What a device is made with. */
export interface DevicePorts {
  readonly crypto: Crypto;
  readonly sources: Sources;
  /** Told about sessions as they come and go, before any output that uses them. */
  readonly sessions?: SessionListener;
  /** The largest UDP payload that gets to an endpoint in one piece: nothing is padded beyond it. Absent: nobody knows. */
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
   * Hot: the format it reads, to send with. After a change of the device's format it is the former one until the peer was
   * heard in the new one, so that the two ends may change one after the other and lose nothing; a loop hands over what a
   * peer sends that reads another format than the device's, for only the engine knows what tells the two apart.
   */
  readonly reads: WireFormat;
  /** For the loop's own use (a cached socket address, a queue); the engine never reads it. */
  slot: unknown;
  /** Hot: the session to seal with, or undefined: then use `device.send`, which queues and makes a handshake. */
  currentSession(now: number): Session | undefined;
  /** Canonical, in no particular order. */
  allowedIPs(): readonly Prefix[];
  readonly stats: PeerStats;
}

export interface PeerStats {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Wall clock of the last finished handshake; undefined means never. */
  readonly lastHandshake: { readonly seconds: number; readonly nanoseconds: number } | undefined;
  /** Inner packets that waited for a handshake and were dropped. */
  readonly droppedQueued: number;
  /** Initiations sent since the last finished handshake, and since the peer was last heard. */
  readonly handshakeAttempts: number;
  /** How long the last handshake that we began waited for its response; undefined means never. */
  readonly roundTripMs: number | undefined;
  /** Messages that the peer sent over its sessions, as the newest counters tell, and how many of them came. */
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
  /** From this moment on nothing is sent or accepted with it. */
  readonly expiresAt: number;
  /** Hot: reserves `count` consecutive counters and returns the first; -1 when the session must not send any more. */
  takeCounters(count: number): number;
  /** Hot: whether a counter could be new: ask before the AEAD, to spare it. */
  isNewCounter(counter: number): boolean;
  /** Hot: marks the counter of an authenticated message; false when it was seen or is too old: then drop the packet. */
  acceptCounter(counter: number): boolean;
}

export type Output =
  /** Send this UDP payload. */
  | { readonly kind: "datagram"; readonly to: Endpoint; readonly bytes: Uint8Array; readonly peer: Peer | undefined }
  /** Give this inner IP packet to the machine. */
  | { readonly kind: "inner"; readonly bytes: Uint8Array; readonly peer: Peer }
  | { readonly kind: "event"; readonly event: DeviceEvent; readonly peer: Peer };

/**
 * `handshake`: a new session can carry data. `roamed`: the peer has another endpoint. `unanswered`: gave up after
 * MAX_HANDSHAKE_ATTEMPTS, will try again when there is something to send. `expired`: all keys of the peer are gone.
 */
export type DeviceEvent = "handshake" | "roamed" | "unanswered" | "expired";

/** Counts since the device was made; why received things came to nothing. Plain numbers, updated in place. */
export interface DeviceCounters {
  /** Datagrams no reading of which was ours. */
  unrecognised: number;
  /** Handshake messages with a right mac1, whatever became of them: how many come tells of load. */
  handshakes: number;
  /** Handshake messages with a wrong mac1, from unknown peers, or that did not decrypt. */
  badHandshake: number;
  /** Initiations refused: replayed timestamp or too soon after another. */
  replayedHandshake: number;
  /** Handshake messages refused under load by the rate limit, or answered with a cookie. */
  limited: number;
  cookiesSent: number;
  /** Transport messages with an index nobody has. */
  unknownIndex: number;
  /** Transport messages whose AEAD failed. */
  badTransport: number;
  /** Counters seen before or too old. */
  replayed: number;
  /** Inner packets with a source the peer may not use, or that are no IP packets. */
  badSource: number;
  /** Inner packets whose destination no peer has. */
  unroutable: number;
}
