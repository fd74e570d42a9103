import type { Timing } from "../constants.ts";
import type { CookieSecret } from "../cookie/cookie-secret.ts";
import type { RateLimiter } from "../cookie/rate-limiter.ts";
import type { UnauthenticatedSources } from "../cookie/unauthenticated-sources.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { DeviceCounters, Output, SessionListener } from "../device.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Identity } from "../noise/initiation.ts";
import { randomWord, type Sources } from "../sources.ts";
import type { WireFormat } from "../wire/wire-format.ts";
import type { PeerSession, PeerState } from "./peer-state.ts";
import type { AllowedIps } from "./table/allowed-ips.ts";
import type { DeadlineQueue } from "./table/deadline-queue.ts";

/** What all parts of one device share. */
export interface Core {
  readonly crypto: Crypto;
  readonly sources: Sources;
  readonly listener: SessionListener | undefined;
  readonly payloadBytes: (to: Endpoint) => number;
  readonly counters: DeviceCounters;
  readonly due: DeadlineQueue<PeerState>;
  /** By public key, as `keyOf` writes it. */
  readonly peers: Map<string, PeerState>;
  /** Sessions and pending initiations by our index; an index is in one of the two. */
  readonly sessions: Map<number, PeerSession>;
  readonly initiators: Map<number, PeerState>;
  readonly cookieSecret: CookieSecret;
  readonly rateLimiter: RateLimiter;
  readonly unauthenticatedSources: UnauthenticatedSources;
  /** The peer that an inner address belongs to. */
  readonly routes: AllowedIps<PeerState>;
  identity: Identity;
  /** Keys of macs and cookies, derived from our public key. */
  ownMac1Key: Uint8Array;
  ownCookieKey: Uint8Array;
  wire: WireFormat;
  timing: Timing;
  answersWithCookies: boolean;
  mtuBytes: number;
  /** The latest timestamp of all our initiations; it outlives the peer it was sent to. */
  latestTimestamp: Uint8Array | undefined;
}

/** The context of a received datagram. */
export interface Arrival {
  readonly from: Endpoint;
  readonly now: number;
  readonly underLoad: boolean;
  /** The hot path tried the datagram as a transport message in the device's format; it did not authenticate. */
  readonly triedHot: boolean;
  /** The format used for reading. */
  readonly wire: WireFormat;
  /** It fits the device's format and no former one: the sender has the device's format. */
  readonly provesFormat: boolean;
  readonly out: Output[];
}

/** A public key as a map's key. */
export function keyOf(publicKey: Uint8Array): string {
  return String.fromCharCode(...publicKey);
}

/** A random unused index, paper section 5.4.2. */
export function freeIndex(core: Core): number {
  let index = randomWord(core.sources);
  while (core.sessions.has(index) || core.initiators.has(index)) index = randomWord(core.sources);
  return index;
}

/** dh(our private key, the peer's public key), computed once; undefined for a key of low order. */
export function staticSharedWith(core: Core, peer: PeerState): Uint8Array | undefined {
  peer.staticShared ??= core.crypto.dh(core.identity.privateKey, peer.publicKey);
  return peer.staticShared;
}

/** Queues the peer under its earliest deadline. Called after everything that may move a timer. */
export function schedule(core: Core, peer: PeerState): void {
  const hasNews = peer.afterHandshake !== "nothing" || peer.events.length > 0;
  const isSooner = hasNews ? peer.dueAt > 0 : peer.timers.isSoonerThan(peer);
  if (isSooner || peer.place < 0) core.due.move(peer, hasNews ? 0 : peer.timers.nextAt());
}

/** Sends a datagram to the peer, if its endpoint is known. */
export function emit(peer: PeerState, bytes: Uint8Array, out: Output[]): void {
  if (peer.endpoint !== undefined) out.push({ kind: "datagram", to: peer.endpoint, bytes, peer });
}
