import type { PeerStatus, TunnelStatus } from "./status-report.ts";

/** The longest life of a session (REJECT_AFTER_TIME; WireGuard white paper, section 6.5). */
const SESSION_SECONDS = 180;
/** Every two minutes one initiation is in flight for a moment; a second follows after 5 s without a reply (REKEY_TIMEOUT). */
const MOST_UNANSWERED = 1;

/** What happens to the tunnel's traffic; "idle": nothing is sent, so reachability is unknown. */
export type TunnelState = "connected" | "idle" | "blocked" | "down";

/**
 * The state of a tunnel: "connected" if one of its peers replies; "blocked" if no peer that traffic is sent to does,
 * "down" if then a fallback is active. For an engine that does not count initiations, silence is known only once the
 * last session is over. Pure. `nowMs`: milliseconds since the epoch.
 */
export function tunnelState({ peers }: TunnelStatus, nowMs: number, hasFallback: boolean): TunnelState {
  const states = peers.map((peer) => peerState(peer, nowMs));
  if (states.includes("connected")) return "connected";
  if (!states.includes("blocked")) return "idle";
  return hasFallback ? "down" : "blocked";
}

/** Whether a peer has replied and is not known to be silent since, which makes a tunnel ready. Pure. */
export function hasAnswered(peer: PeerStatus, nowMs: number): boolean {
  return peer.lastHandshakeSeconds > 0 && peerState(peer, nowMs) !== "blocked";
}

/** Seconds since the last handshake; 0 if the wall clock was set back. */
export function ageSeconds({ lastHandshakeSeconds }: PeerStatus, nowMs: number): number {
  return Math.max(0, Math.round(nowMs / 1000 - lastHandshakeSeconds));
}

function peerState(peer: PeerStatus, nowMs: number): TunnelState {
  const { lastHandshakeSeconds, unansweredHandshakes, endpoint, keepaliveSeconds } = peer;
  if (lastHandshakeSeconds === 0) return endpoint === undefined || peer.sentBytes === 0 ? "idle" : "blocked";
  if ((unansweredHandshakes ?? 0) > MOST_UNANSWERED) return "blocked";
  if (ageSeconds(peer, nowMs) <= SESSION_SECONDS) return "connected";
  return keepaliveSeconds > 0 && unansweredHandshakes === undefined ? "blocked" : "idle";
}
