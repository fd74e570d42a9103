import { bytesToHex } from "../../uapi/key-text.ts";

/** The changes that a UAPI `set` makes to a device, in the words of wireguard.com/xplatform. Contains secrets. */
export interface TunnelChange {
  /** Lines of the device, in order: `listen_port=51820`. */
  readonly device: readonly string[];
  readonly replacePeers: boolean;
  readonly peers: readonly PeerChange[];
}

export interface PeerChange {
  readonly publicKey: Uint8Array;
  readonly remove: boolean;
  /** All zero removes the key. */
  readonly presharedKey?: Uint8Array;
  /** `host:port`; a name is resolved before it is sent. */
  readonly endpoint?: string;
  readonly keepalive?: string;
  readonly replaceAllowedIps: boolean;
  /** A leading `-` removes the prefix. */
  readonly allowedIps: readonly string[];
}

/** A peer without settings. */
export function peerChange(publicKey: Uint8Array): PeerChange {
  return { publicKey, remove: false, replaceAllowedIps: false, allowedIps: [] };
}

/** The request for the change, atomic as far as the engine can. */
export function renderTunnelChange(change: TunnelChange): string {
  const lines = [...change.device];
  if (change.replacePeers) lines.push("replace_peers=true");
  for (const peer of change.peers) lines.push(...peerLines(peer));
  return `set=1\n${lines.map((line) => `${line}\n`).join("")}\n`;
}

function peerLines(peer: PeerChange): string[] {
  const { presharedKey, endpoint, keepalive } = peer;
  return [
    `public_key=${bytesToHex(peer.publicKey)}`,
    ...(peer.remove ? ["remove=true"] : []),
    ...(presharedKey === undefined ? [] : [`preshared_key=${bytesToHex(presharedKey)}`]),
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    ...(keepalive === undefined ? [] : [`persistent_keepalive_interval=${keepalive}`]),
    ...(peer.replaceAllowedIps ? ["replace_allowed_ips=true"] : []),
    ...peer.allowedIps.map((prefix) => `allowed_ip=${prefix}`),
  ];
}
