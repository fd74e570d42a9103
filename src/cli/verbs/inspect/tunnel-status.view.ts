import type { PeerStatus, TunnelStatus } from "../../../app/status/status-report.ts";
import { ageSeconds, tunnelState } from "../../../app/status/tunnel-state.ts";
import { counted } from "../../../model/text/counted.ts";
import type { DocumentOf } from "../../documents/documents.ts";

type TunnelDocument = NonNullable<DocumentOf<"status">["resources"][number]["tunnel"]>;

/** Characters of a public key that distinguish peers for people. */
const KEY_CHARACTERS = 8;
const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A line for each peer, as people read it, and one for an unusual control socket. `nowMs`: milliseconds since the epoch. */
export function renderPeers({ peers, socket }: TunnelStatus, nowMs: number): readonly string[] {
  const place = socket === undefined ? [] : [`control socket: ${socket}`];
  return [...place, ...peers.map((peer) => renderPeer(peer, nowMs))];
}

function renderPeer(peer: PeerStatus, nowMs: number): string {
  const { publicKey, unresolved } = peer;
  const { endpoint = unresolved === undefined ? "no endpoint yet" : `${unresolved} does not resolve` } = peer;
  return `${publicKey.slice(0, KEY_CHARACTERS)}… ${endpoint}: ${peerTexts(peer, nowMs).join(", ")}`;
}

/** The state of a tunnel with a running engine: "connected, amneziawg 2.0, 3 peers"; its peers' lines say the rest. */
export function renderTunnelState(tunnel: TunnelStatus, nowMs: number, hasFallback: boolean): string {
  const { wire, peers } = tunnel;
  const count = peers.length === 1 ? [] : [counted(peers.length, "peer")];
  return [tunnelState(tunnel, nowMs, hasFallback), wire, ...count].join(", ");
}

/** The same for programs. What is not known is null. */
export function tunnelDocument(tunnel: TunnelStatus, nowMs: number, hasFallback: boolean): TunnelDocument {
  const { wire, peers, socket } = tunnel;
  return {
    state: tunnelState(tunnel, nowMs, hasFallback),
    wire,
    peers: peers.map((peer) => ({
      publicKey: peer.publicKey,
      endpoint: peer.endpoint ?? null,
      lastHandshake: peer.lastHandshakeSeconds === 0 ? null : new Date(peer.lastHandshakeSeconds * 1000).toISOString(),
      handshakeAgeSeconds: peer.lastHandshakeSeconds === 0 ? null : ageSeconds(peer, nowMs),
      receivedBytes: peer.receivedBytes,
      sentBytes: peer.sentBytes,
      roundTripMs: peer.roundTripMs ?? null,
      messagesExpected: peer.messages?.expected ?? null,
      messagesLost: peer.messages?.lost ?? null,
    })),
    ...(socket === undefined ? {} : { socket }),
  };
}

function peerTexts(peer: PeerStatus, nowMs: number): readonly string[] {
  const { lastHandshakeSeconds, receivedBytes, sentBytes, roundTripMs, messages } = peer;
  return [
    lastHandshakeSeconds === 0 ? "no handshake yet" : `handshake ${ageSeconds(peer, nowMs)} s ago`,
    `${sizeText(receivedBytes)} received`,
    `${sizeText(sentBytes)} sent`,
    ...(roundTripMs === undefined ? [] : [`round trip ${roundTripMs === 0 ? "under 1" : roundTripMs} ms`]),
    ...(messages === undefined || messages.expected === 0 ? [] : [`loss ${lossText(messages)}`]),
  ];
}

function lossText({ expected, lost }: NonNullable<PeerStatus["messages"]>): string {
  return `${((100 * lost) / expected).toFixed(1)} % of ${expected}`;
}

function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
