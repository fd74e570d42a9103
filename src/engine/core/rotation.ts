import { REKEY_TIMEOUT } from "../constants.ts";
import type { Endpoint } from "../endpoint.ts";
import { sameAddress, sameEndpoint } from "../endpoint.ts";
import type { SessionKeys } from "../noise/response.ts";
import { wipeInitiator } from "../noise/response.ts";
import type { Core } from "./core.ts";
import type { PeerSession, PeerState } from "./peer-state.ts";
import { TransportSession } from "./session.ts";

/**
 * Adds the session of a handshake. The initiator may use it at once. The responder keeps it as `next` until it receives
 * something over it (paper section 5.4.5). Older sessions are dropped in wireguard-go's order.
 */
export function beginSession(core: Core, peer: PeerState, keys: SessionKeys, isInitiator: boolean, now: number): void {
  const { timing, sources } = core;
  const session = new TransportSession(peer, keys, isInitiator, { timing, sources, now });
  core.sessions.set(session.localIndex, session);
  core.listener?.opened(session);
  useSameSession(peer, now);
  const { previous, current, next } = peer;
  if (!isInitiator) {
    peer.next = session;
    peer.previous = undefined;
    closeSession(core, next);
    closeSession(core, previous);
  } else {
    peer.current = session;
    peer.previous = next ?? current;
    peer.next = undefined;
    if (next !== undefined) closeSession(core, current);
    closeSession(core, previous);
  }
  peer.timers.sessionMade(now);
}

/**
 * If both peers initiated, two sessions exist and each peer may use the other one. The session that is dropped must not
 * be the one the peer still uses: we continue with the one last received over.
 */
function useSameSession(peer: PeerState, now: number): void {
  const { previous, current } = peer;
  if (previous === undefined || current === undefined || peer.heardOver !== previous) return;
  if (!previous.canSend(now) || Math.abs(current.expiresAt - previous.expiresAt) >= REKEY_TIMEOUT) return;
  peer.current = previous;
  peer.previous = current;
}

/**
 * Makes the responder's session current at its first message; false if there is nothing to do. A pending initiation of
 * ours is dropped: its response would replace a newer session.
 */
export function confirmSession(core: Core, session: PeerSession): boolean {
  const { peer } = session;
  if (peer.next !== session) return false;
  dropInitiator(core, peer);
  closeSession(core, peer.previous);
  peer.previous = peer.current;
  peer.current = session;
  peer.next = undefined;
  return true;
}

/** Both sides can use the current session: reports it and sends what waits. */
export function handshakeDone(core: Core, peer: PeerState, isInitiator: boolean): void {
  peer.timers.handshakeDone();
  peer.handshakeAttempts = 0;
  peer.askedInVain = 0;
  peer.lastHandshake = core.sources.unixTime();
  peer.events.push("handshake");
  peer.afterHandshake = isInitiator ? "queue-or-keepalive" : "queue";
}

/** The peer authenticated from this address: it becomes its endpoint (paper section 2.1). */
export function moveTo(peer: PeerState, from: Endpoint): void {
  const before = peer.endpoint;
  if (from === before) return;
  const isKnown = before !== undefined && sameEndpoint(before, from);
  // Callers cache by the endpoint object: a new object is needed only if our own address changed.
  if (isKnown && sameAddress(before.local, from.local)) return;
  peer.endpoint = from;
  if (isKnown) return;
  peer.wire.endpointChanged();
  peer.events.push("roamed");
}

/** Drops the pending initiation. */
export function dropInitiator(core: Core, peer: PeerState): void {
  if (peer.initiator === undefined) return;
  core.initiators.delete(peer.initiator.localIndex);
  wipeInitiator(core.crypto, peer.initiator);
  peer.initiator = undefined;
  peer.race = undefined;
  peer.timers.nobodyLeftToAsk();
}

/** Drops all sessions and the running handshake; returns whether there was a session. */
export function dropSessions(core: Core, peer: PeerState): boolean {
  const held = [peer.previous, peer.current, peer.next];
  for (const session of held) closeSession(core, session);
  peer.previous = undefined;
  peer.current = undefined;
  peer.next = undefined;
  dropInitiator(core, peer);
  return held.some((session) => session !== undefined);
}

function closeSession(core: Core, session: PeerSession | undefined): void {
  if (session === undefined) return;
  core.sessions.delete(session.localIndex);
  core.listener?.closed(session);
  session.peer.keepArrivals(session);
  if (session.peer.heardOver === session) session.peer.heardOver = undefined;
  session.close(core.crypto);
}
