import { openCookieReply } from "../cookie/cookie-reply.ts";
import { cookieKey } from "../cookie/macs.ts";
import { KEY_BYTES } from "../crypto/crypto.ts";
import type { Output } from "../device.ts";
import { createInitiation } from "../noise/initiation.ts";
import { COOKIE_REPLY, RESPONSE, readWord } from "../noise/message.ts";
import { consumeResponse } from "../noise/response.ts";
import { isAfter, nextTimestamp, tai64n } from "../noise/tai64n.ts";
import { randomBytes } from "../sources.ts";
import { type Arrival, type Core, freeIndex, staticSharedWith } from "./core.ts";
import type { PeerState } from "./peer-state.ts";
import { addressesToAsk, askedAt, sendInitiation } from "./race.ts";
import { beginSession, dropInitiator, handshakeDone, moveTo } from "./rotation.ts";

/**
 * Sends a handshake initiation, to one address or to each that the peer may have. Replaces a running handshake. Does
 * nothing for a peer without a known address.
 */
export function startHandshake(core: Core, peer: PeerState, now: number, out: Output[]): void {
  const staticShared = staticSharedWith(core, peer);
  const [first, ...others] = addressesToAsk(peer, now);
  if (first === undefined || staticShared === undefined) {
    peer.dropQueue();
    return;
  }
  dropInitiator(core, peer);
  const started = createInitiation(core.crypto, {
    identity: core.identity,
    remoteStatic: peer.publicKey,
    staticShared,
    ephemeralPrivate: randomBytes(core.sources, KEY_BYTES),
    timestamp: newTimestamp(core, peer),
    senderIndex: freeIndex(core),
    headerWord: core.wire.headerWord("initiation"),
    cookie: peer.cookie(now),
  });
  if (started === undefined) return;
  peer.initiator = started.state;
  peer.lastMac1 = started.state.mac1;
  core.initiators.set(started.state.localIndex, peer);
  peer.handshakeAttempts += 1;
  peer.askedInVain += 1;
  peer.initiatedAt = now;
  peer.timers.initiationSent(now);
  if (others.length > 0) {
    // The caller may overwrite the bytes of the first output.
    peer.race = { message: started.message.slice(), left: others, asked: [] };
    peer.timers.askNextLater(now);
  }
  sendInitiation(core, peer, started.message, first, now, out);
}

/** Accepts a response with a valid mac1; undefined if it answers nothing of ours, is late or does not authenticate. */
export function takeResponse(
  core: Core,
  message: Uint8Array,
  datagramBytes: number,
  arrival: Arrival,
): PeerState | undefined {
  const peer = core.initiators.get(readWord(message, RESPONSE.receiver));
  if (peer?.initiator === undefined) return undefined;
  if (arrival.now >= peer.timers.retryAt) {
    dropInitiator(core, peer);
    return undefined;
  }
  const keys = consumeResponse(core.crypto, core.identity, peer.initiator, peer.presharedKey, message);
  if (keys === undefined) return undefined;
  peer.roundTripMs = arrival.now - askedAt(peer, arrival.from);
  dropInitiator(core, peer);
  moveTo(peer, arrival.from);
  if (arrival.provesFormat) peer.turnTo(arrival.wire);
  peer.receivedBytes += datagramBytes;
  peer.timers.anyReceived(arrival.now);
  beginSession(core, peer, keys, true, arrival.now);
  handshakeDone(core, peer, true);
  return peer;
}

/** Stores the cookie of a reply to our last handshake message; returns its peer. The next retry uses it. */
export function takeCookie(core: Core, message: Uint8Array, datagramBytes: number, now: number): PeerState | undefined {
  const index = readWord(message, COOKIE_REPLY.receiver);
  const peer = core.initiators.get(index) ?? core.sessions.get(index)?.peer;
  if (peer?.lastMac1 === undefined) return undefined;
  const cookie = openCookieReply(core.crypto, message, cookieKey(core.crypto, peer.publicKey), peer.lastMac1);
  if (cookie === undefined) return undefined;
  peer.keepCookie(cookie, now);
  peer.receivedBytes += datagramBytes;
  return peer;
}

/**
 * The wall clock's timestamp, or one just after the last sent if the clock is behind it. So a clock that is set back
 * locks out no peer, even one that was removed and added again.
 */
function newTimestamp(core: Core, peer: PeerState): Uint8Array {
  const wall = tai64n(core.sources.unixTime());
  const { latestTimestamp: latest } = core;
  const wanted = latest !== undefined && isAfter(latest, wall) ? nextTimestamp(latest) : wall;
  const last = peer.lastTimestampSent;
  const timestamp = last === undefined || isAfter(wanted, last) ? wanted : nextTimestamp(last);
  peer.lastTimestampSent = timestamp;
  if (latest === undefined || isAfter(timestamp, latest)) core.latestTimestamp = timestamp;
  return timestamp;
}
