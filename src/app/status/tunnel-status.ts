import { generationOf } from "../../engine/awg/generation.ts";
import type { PeerObserved, TunnelObserved } from "../../model/resources/tunnel.ts";
import type { PeerStatus, TunnelStatus } from "./status-report.ts";

/** An engine's report about its tunnel, without secrets. Pure. */
export function tunnelStatus({ protocol, wire, socket, obfuscation, peers }: TunnelObserved): TunnelStatus {
  const spoken = protocol === "wireguard" ? protocol : `amneziawg ${generationOf(obfuscation)}`;
  return { wire: wire ?? spoken, peers: peers.map(peerStatus), ...(socket === undefined ? {} : { socket }) };
}

function peerStatus(peer: PeerObserved): PeerStatus {
  const { publicKey, endpoint, lastHandshakeSeconds, receivedBytes, sentBytes, measured } = peer;
  const { roundTripMs, expectedMessages = 0, acceptedMessages = 0 } = measured ?? {};
  return {
    publicKey,
    ...(endpoint === undefined ? {} : { endpoint }),
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
