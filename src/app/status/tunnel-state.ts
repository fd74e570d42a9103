import type { PeerStatus, TunnelStatus } from "./status-report.ts";

/** No session lives longer (REJECT_AFTER_TIME; WireGuard white paper, section 6.5). */
const SESSION_SECONDS = 180;
/** The first initiation is on its way for a moment every two minutes; 5 s without an answer make a second (REKEY_TIMEOUT). */
const MOST_UNANSWERED = 1;

/** What becomes of traffic that is the tunnel's: "idle" where nobody sends, so that nobody knows. */
export type TunnelState = "connected" | "idle" | "blocked" | "down";

/**
 * The state of a tunnel: "connected" while one of its peers answers; "blocked" while none does that somebody sends to,
 * "down" where that is so and a fallback is in force. Of an engine that counts no initiations the silence is known once the
 * last session is over. Pure. `nowMs`: milliseconds since the epoch.
 */
export function tunnelState({ peers }: TunnelStatus, nowMs: number, hasFallback: boolean): TunnelState {
  const states = peers.map((peer) => peerState(peer, nowMs));
  if (states.includes("connected")) return "connected";
  if (!states.includes("blocked")) return "idle";
  return hasFallback ? "down" : "blocked";
}

/** Whether a peer has answered and is not known to be silent since: what makes a tunnel ready. Pure. */
export function hasAnswered(peer: PeerStatus, nowMs: number): boolean {
  return peer.lastHandshakeSeconds > 0 && peerState(peer, nowMs) !== "blocked";
}

/** Seconds since the last handshake. A wall clock that was set back makes nothing younger than now. */
export function ageSeconds({ lastHandshakeSeconds }: PeerStatus, nowMs: number): number {
  return Math.max(0, Math.round(nowMs / 1000 - lastHandshakeSeconds));
}

function peerState(peer: PeerStatus, nowMs: number): TunnelState {
  const { lastHandshakeSeconds, unansweredHandshakes, endpoint, keepaliveSeconds } = peer;
  if (lastHandshakeSeconds === 0) return endpoint === undefined ? "idle" : "blocked";
  if ((unansweredHandshakes ?? 0) > MOST_UNANSWERED) return "blocked";
  if (ageSeconds(peer, nowMs) <= SESSION_SECONDS) return "connected";
  return keepaliveSeconds > 0 && unansweredHandshakes === undefined ? "blocked" : "idle";
}
