import type { Prefix } from "../../model/prefix.ts";
import { COOKIE_REFRESH_TIME, QUEUED_PACKETS } from "../constants.ts";
import type { Crypto } from "../crypto/crypto.ts";
import { keyCopy, NO_PRESHARED_KEY } from "../crypto/kdf.ts";
import type { DeviceEvent, Peer, PeerConfig, PeerStats } from "../device.ts";
import type { Endpoint } from "../endpoint.ts";
import type { InitiatorState } from "../noise/initiation.ts";
import type { UnixTime } from "../sources.ts";
import type { PeerWire, WireFormat } from "../wire/wire-format.ts";
import type { PeerTimers } from "./peer-timers.ts";
import type { TransportSession } from "./session.ts";
import type { Waiting } from "./table/deadline-queue.ts";

/** A session with its peer's whole state. */
export type PeerSession = TransportSession<PeerState>;

/** An initiation that is sent to several addresses of one peer, one after the other (RFC 8305 section 5). */
export interface Race {
  readonly message: Uint8Array;
  /** Addresses not tried yet, the next one first. */
  readonly left: Endpoint[];
  /** Addresses tried after the first one, with the time of each; milliseconds. */
  readonly asked: { readonly to: Endpoint; readonly at: number }[];
}

/** Everything the device knows of one peer. The files beside this one make the decisions. */
export class PeerState implements Peer, Waiting {
  readonly publicKey: Uint8Array;
  readonly timers: PeerTimers;
  /** The endpoint last configured; `endpoint` may have roamed from it. */
  configuredEndpoint: Endpoint | undefined;
  /** Every address it may have, if there are several; `endpoint` need not be among them. */
  candidates: readonly Endpoint[];
  /** Our own copy; 32 zero bytes when the peer has none. */
  presharedKey: Uint8Array;
  wire: PeerWire;
  reads: WireFormat;
  /** The format of replies to its initiations: the former one until a handshake proved that it has the device's. */
  answersIn: WireFormat;
  endpoint: Endpoint | undefined;
  slot: unknown;
  dueAt = Number.POSITIVE_INFINITY;
  place = -1;

  /** The session before the current one: delayed messages are still read with it. */
  previous: PeerSession | undefined;
  current: PeerSession | undefined;
  /** Created as responder; becomes current with the first message received over it (paper section 5.4.5). */
  next: PeerSession | undefined;
  /** The initiation that awaits its response. */
  initiator: InitiatorState | undefined;
  /** Initiations since the last handshake, or since its address was set: each starts with another address. */
  askedInVain = 0;
  /** Addresses left for that initiation. */
  race: Race | undefined;

  /** dh(our private key, the peer's public key); computed on first use, dropped with our key. */
  staticShared: Uint8Array | undefined;
  /** mac1 of the last handshake message sent, which a cookie reply authenticates against. */
  lastMac1: Uint8Array | undefined;
  lastTimestampSent: Uint8Array | undefined;
  lastTimestampReceived: Uint8Array | undefined;
  lastInitiationReceivedAt = Number.NEGATIVE_INFINITY;
  /** The session of the last authenticated message, while it lives. */
  heardOver: PeerSession | undefined;

  /** Inner packets that wait for a session, oldest first. */
  readonly queue: Uint8Array[] = [];
  /** What the new session sends first: the queue or, if it is empty, an empty message that confirms the session. */
  afterHandshake: "nothing" | "queue" | "queue-or-keepalive" = "nothing";
  /** Events that were not reported yet. */
  readonly events: DeviceEvent[] = [];

  receivedBytes = 0;
  sentBytes = 0;
  droppedQueued = 0;
  handshakeAttempts = 0;
  lastHandshake: UnixTime | undefined;
  /** When the pending initiation was sent, and how long the last answered one took; milliseconds. */
  initiatedAt = 0;
  roundTripMs: number | undefined;
  /** Messages of closed sessions: how many the peer sent as far as seen, and how many arrived. */
  readonly #past = { expected: 0, accepted: 0 };
  #cookie: { readonly bytes: Uint8Array; readonly receivedAt: number } | undefined;
  #prefixes: (peer: PeerState) => readonly Prefix[];

  constructor(
    config: PeerConfig,
    parts: {
      readonly timers: PeerTimers;
      readonly wire: PeerWire;
      readonly reads: WireFormat;
      readonly prefixes: (peer: PeerState) => readonly Prefix[];
    },
  ) {
    this.publicKey = config.publicKey.slice();
    this.configuredEndpoint = config.endpoint;
    this.candidates = config.endpoints ?? [];
    this.presharedKey = keyCopy(config.presharedKey ?? NO_PRESHARED_KEY);
    this.endpoint = config.endpoint;
    this.timers = parts.timers;
    this.wire = parts.wire;
    this.reads = parts.reads;
    this.answersIn = parts.reads;
    this.#prefixes = parts.prefixes;
  }

  /** It used this format, or nothing else is known of it. */
  turnTo(wire: WireFormat): void {
    this.reads = wire;
    this.answersIn = wire;
  }

  get stats(): PeerStats {
    const { receivedBytes, sentBytes, lastHandshake, droppedQueued, handshakeAttempts, roundTripMs } = this;
    const arrivals = [this.#past, this.previous?.arrivals, this.current?.arrivals, this.next?.arrivals];
    return {
      receivedBytes,
      sentBytes,
      lastHandshake,
      droppedQueued,
      handshakeAttempts,
      roundTripMs,
      expectedMessages: arrivals.reduce((sum, one) => sum + (one?.expected ?? 0), 0),
      acceptedMessages: arrivals.reduce((sum, one) => sum + (one?.accepted ?? 0), 0),
    };
  }

  /** Adds the counts of a session that is being closed. */
  keepArrivals({ arrivals }: PeerSession): void {
    this.#past.expected += arrivals.expected;
    this.#past.accepted += arrivals.accepted;
  }

  allowedIPs(): readonly Prefix[] {
    return this.#prefixes(this);
  }

  currentSession(now: number): PeerSession | undefined {
    const session = this.current;
    return session?.canSend(now) === true && this.endpoint !== undefined ? session : undefined;
  }

  /** The cookie that proves our address, while it is valid. */
  cookie(now: number): Uint8Array | undefined {
    const held = this.#cookie;
    return held !== undefined && now - held.receivedAt < COOKIE_REFRESH_TIME ? held.bytes : undefined;
  }

  keepCookie(bytes: Uint8Array, now: number): void {
    this.#cookie = { bytes, receivedAt: now };
  }

  /** Queues a copy of the packet until there is a session; the oldest is dropped if the queue is full. */
  enqueue(packet: Uint8Array): void {
    if (this.queue.length >= QUEUED_PACKETS) {
      this.queue.shift();
      this.droppedQueued += 1;
    }
    this.queue.push(new Uint8Array(packet));
  }

  dropQueue(): void {
    this.droppedQueued += this.queue.length;
    this.queue.length = 0;
  }

  /** Drops our part of shared secrets, because our private key changed or the peer is removed. */
  wipeShared(crypto: Crypto): void {
    if (this.staticShared !== undefined) crypto.wipe(this.staticShared);
    this.staticShared = undefined;
    if (this.#cookie !== undefined) crypto.wipe(this.#cookie.bytes);
    this.#cookie = undefined;
    this.lastMac1 = undefined;
  }
}
