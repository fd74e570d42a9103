import { renderPrefix } from "../../model/prefix.ts";
import { bytesToHex } from "../../uapi/key-text.ts";
import { GENERATION_KEY, OBFUSCATION_KEYS, offValueOf } from "../../uapi/obfuscation.ts";
import type { PeerObservation, TunnelObservation } from "../contract.ts";
import { renderEndpoint } from "./endpoint-text.ts";
import type { UapiPeerSettings, UapiSettings } from "./uapi-settings.ts";

/**
 * The answer to `get=1`, without its errno line: the settings and the data plane's observations. It contains secrets,
 * as the protocol requires; only root and the engine's own user can reach the socket.
 */
export function renderGet(held: UapiSettings, observed: TunnelObservation | undefined): string {
  const lines: string[] = [];
  if (held.privateKey !== undefined) lines.push(`private_key=${bytesToHex(held.privateKey)}`);
  lines.push(`listen_port=${observed?.listenPort ?? held.listenPort}`);
  if (held.fwmark !== 0) lines.push(`fwmark=${held.fwmark}`);
  // wg and the other tools ignore unknown keys.
  lines.push("awg_engine=embedded");
  if (observed !== undefined) lines.push(`awg_wire=${observed.wire}`);
  lines.push(...obfuscationLines(held.obfuscation));
  const seen = new Map((observed?.peers ?? []).map((peer) => [bytesToHex(peer.publicKey), peer]));
  for (const [key, peer] of held.peers) lines.push(...peerLines(key, peer, seen.get(key)));
  return lines.map((line) => `${line}\n`).join("");
}

/** With any parameter all type words, as amneziawg-go from v0.2.16 on: `awg show` prints 0 for absent ones. */
function obfuscationLines(values: UapiSettings["obfuscation"]): string[] {
  const isObfuscated = Object.keys(values).some((key) => key !== GENERATION_KEY);
  return OBFUSCATION_KEYS.flatMap((key) => {
    const value = values[key] ?? (isObfuscated && /^h[1-4]$/.test(key) ? offValueOf(key) : undefined);
    return value === undefined ? [] : [`${key}=${value}`];
  });
}

function peerLines(key: string, held: UapiPeerSettings, seen: PeerObservation | undefined): string[] {
  const endpoint = seen?.endpoint ?? held.endpoint;
  const { low, high } = held.keepalive;
  return [
    `public_key=${key}`,
    `preshared_key=${held.presharedKey === undefined ? "0".repeat(64) : bytesToHex(held.presharedKey)}`,
    "protocol_version=1",
    ...(endpoint === undefined ? [] : [`endpoint=${renderEndpoint(endpoint)}`]),
    ...(held.endpoints.length === 0 ? [] : [`awg_endpoints=${held.endpoints.map(renderEndpoint).join(",")}`]),
    `last_handshake_time_sec=${seen?.lastHandshake?.seconds ?? 0}`,
    `last_handshake_time_nsec=${seen?.lastHandshake?.nanoseconds ?? 0}`,
    `tx_bytes=${seen?.sentBytes ?? 0}`,
    `rx_bytes=${seen?.receivedBytes ?? 0}`,
    `persistent_keepalive_interval=${low === high ? high : `${low}-${high}`}`,
    ...[...held.allowedIps.values()].map((prefix) => `allowed_ip=${renderPrefix(prefix)}`),
    ...(seen === undefined ? [] : measuredLines(seen)),
  ];
}

/** Values that only this engine measures, under names of our own. */
function measuredLines({ handshakeAttempts, roundTripMs, expectedMessages, acceptedMessages }: PeerObservation) {
  return [
    `awg_handshake_attempts=${handshakeAttempts}`,
    ...(roundTripMs === undefined ? [] : [`awg_round_trip_ms=${roundTripMs}`]),
    `awg_messages_expected=${expectedMessages}`,
    `awg_messages_accepted=${acceptedMessages}`,
  ];
}
