import { generationOf } from "../../engine/awg/generation.ts";
import type { PeerObserved, TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";
import type { PeerStatus, TunnelStatus } from "./status-report.ts";

/** An engine's report about its tunnel, without secrets; `spec` adds names that did not resolve. Pure. */
export function tunnelStatus(
  { protocol, wire, socket, obfuscation, peers }: TunnelObserved,
  spec?: TunnelSpec,
): TunnelStatus {
  const spoken = protocol === "wireguard" ? protocol : `amneziawg ${generationOf(obfuscation)}`;
  const names = new Map((spec?.peers ?? []).map(({ publicKey, unresolved }) => [publicKey, unresolved]));
  return {
    wire: wire ?? spoken,
    peers: peers.map((peer) => peerStatus(peer, names.get(peer.publicKey))),
    ...(socket === undefined ? {} : { socket }),
  };
}

function peerStatus(peer: PeerObserved, unresolved: string | undefined): PeerStatus {
  const { publicKey, endpoint, lastHandshakeSeconds, receivedBytes, sentBytes, measured } = peer;
  const { roundTripMs, expectedMessages = 0, acceptedMessages = 0 } = measured ?? {};
  return {
    publicKey,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoint !== undefined || unresolved === undefined ? {} : { unresolved }),
    lastHandshakeSeconds,
    receivedBytes,
    sentBytes,
    keepaliveSeconds: peer.persistentKeepaliveSeconds,
    ...(measured === undefined ? {} : { unansweredHandshakes: measured.handshakeAttempts }),
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
    ...(measured === undefined
      ? {}
      : { messages: { expected: expectedMessages, lost: Math.max(0, expectedMessages - acceptedMessages) } }),
  };
}
