import { HANDSHAKE_INITIATION_INTERVAL } from "../constants.ts";
import { createCookieReply } from "../cookie/cookie-reply.ts";
import { isMac2Valid, MAC_BYTES, mac1Offset } from "../cookie/macs.ts";
import { KEY_BYTES } from "../crypto/crypto.ts";
import type { DeviceCounters } from "../device.ts";
import { consumeInitiation, type ResponderState } from "../noise/initiation.ts";
import { INITIATION, RESPONSE, readWord } from "../noise/message.ts";
import { createResponse } from "../noise/response.ts";
import { isAfter } from "../noise/tai64n.ts";
import { randomBytes } from "../sources.ts";
import { type Arrival, type Core, emit, freeIndex, keyOf, staticSharedWith } from "./core.ts";
import type { PeerState } from "./peer-state.ts";
import { beginSession, moveTo } from "./rotation.ts";

const COOKIE_NONCE_BYTES = 24;

/**
 * Whether a handshake message with a valid mac1 deserves its Diffie-Hellman. Under load only a sender with a valid mac2
 * does, within the rate limit. Others get a cookie (paper section 5.3), unless that were more bytes than they sent:
 * amplification towards a spoofed address.
 */
export function isAdmitted(
  core: Core,
  kind: "initiation" | "response",
  message: Uint8Array,
  datagramBytes: number,
  arrival: Arrival,
): boolean {
  if (!arrival.underLoad || isWithinLimits(core, kind, message, datagramBytes, arrival)) return true;
  core.counters.limited += 1;
  return false;
}

function isWithinLimits(
  core: Core,
  kind: "initiation" | "response",
  message: Uint8Array,
  datagramBytes: number,
  arrival: Arrival,
): boolean {
  if (!core.answersWithCookies) return isAdmittedUnproved(core, kind, message, arrival);
  const { from, now } = arrival;
  const cookie = core.cookieSecret.cookieFor(from, now);
  if (isMac2Valid(core.crypto, message, cookie)) return core.rateLimiter.allow(from.address, now);
  const isSent = sendCookie(core, message, cookie, datagramBytes, arrival);
  return !isSent && isAdmittedUnproved(core, kind, message, arrival);
}

/**
 * Without cookies no sender can prove its address, so refusing unproven ones would refuse all. A response contains a
 * 32-bit index that only a recipient of our initiation knows; an initiation may come from a known peer's address.
 */
function isAdmittedUnproved(
  core: Core,
  kind: "initiation" | "response",
  message: Uint8Array,
  { from, now }: Arrival,
): boolean {
  if (kind === "response" && !core.initiators.has(readWord(message, RESPONSE.receiver))) return false;
  if (!core.rateLimiter.allow(from.address, now)) return false;
  return kind === "response" || core.unauthenticatedSources.allow(from.address, core.peers.values(), now);
}

/** Answers an initiation with a valid mac1; else returns why not: unauthenticated source, replay, too many. */
export function takeInitiation(
  core: Core,
  message: Uint8Array,
  datagramBytes: number,
  arrival: Arrival,
): PeerState | keyof DeviceCounters {
  const state = consumeInitiation(core.crypto, core.identity, message, (remoteStatic) => {
    const known = core.peers.get(keyOf(remoteStatic));
    return known === undefined ? undefined : staticSharedWith(core, known);
  });
  const peer = state === undefined ? undefined : core.peers.get(keyOf(state.remoteStatic));
  if (state === undefined || peer === undefined) return "badHandshake";
  if (!isFresh(peer, state, arrival.now)) {
    state.transcript.wipe();
    return "replayedHandshake";
  }
  peer.lastTimestampReceived = state.timestamp;
  peer.lastInitiationReceivedAt = arrival.now;
  moveTo(peer, arrival.from);
  if (arrival.provesFormat) peer.turnTo(arrival.wire);
  peer.receivedBytes += datagramBytes;
  peer.timers.anyReceived(arrival.now);
  respond(core, peer, state, arrival);
  return peer;
}

function isFresh(peer: PeerState, state: ResponderState, now: number): boolean {
  const last = peer.lastTimestampReceived;
  if (last !== undefined && !isAfter(state.timestamp, last)) return false;
  return now - peer.lastInitiationReceivedAt >= HANDSHAKE_INITIATION_INTERVAL;
}

function respond(core: Core, peer: PeerState, state: ResponderState, arrival: Arrival): void {
  const { now, out } = arrival;
  const wire = arrival.wire === core.wire ? peer.answersIn : arrival.wire;
  const ephemeralPrivate = randomBytes(core.sources, KEY_BYTES);
  const made = createResponse(core.crypto, state, {
    ephemeralPrivate,
    senderIndex: freeIndex(core),
    presharedKey: peer.presharedKey,
    headerWord: wire.headerWord("response"),
    cookie: peer.cookie(now),
  });
  core.crypto.wipe(ephemeralPrivate);
  if (made === undefined) return;
  peer.lastMac1 = made.mac1;
  beginSession(core, peer, made.keys, false, now);
  peer.timers.anySent(now);
  const datagram = wire.wrap("response", made.message, peer.wire);
  peer.sentBytes += datagram.length;
  emit(peer, datagram, out);
}

/** Sends the cookie, in at most that many bytes; false if it needs more. */
function sendCookie(
  core: Core,
  message: Uint8Array,
  cookie: Uint8Array,
  mostBytes: number,
  { from, out, wire }: Arrival,
): boolean {
  const offset = mac1Offset(message);
  const reply = createCookieReply(core.crypto, {
    receiverIndex: readWord(message, INITIATION.sender),
    headerWord: wire.headerWord("cookie"),
    nonce: randomBytes(core.sources, COOKIE_NONCE_BYTES),
    cookie,
    mac1: message.subarray(offset, offset + MAC_BYTES),
    key: core.ownCookieKey,
  });
  const bytes = wire.wrap("cookie", reply, undefined, mostBytes);
  if (bytes.length > mostBytes) return false;
  core.counters.cookiesSent += 1;
  out.push({ kind: "datagram", to: from, bytes, peer: undefined });
  return true;
}
