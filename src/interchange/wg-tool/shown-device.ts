import { bytesToBase64 } from "../../uapi/key-text.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { UapiDevice, UapiPeer } from "../../uapi/reply.ts";
import { OBFUSCATION_WORDS, type ObfuscationWord } from "./obfuscation-words.ts";

/** A device to show; its public key is derived elsewhere. */
export interface ShownDevice {
  readonly name: string;
  readonly publicKey: string | undefined;
  readonly state: UapiDevice;
}

/** The fields of `show`, in the order of its usage text. */
export const FIELDS = [
  "public-key",
  "private-key",
  "listen-port",
  "fwmark",
  "peers",
  "preshared-keys",
  "endpoints",
  "allowed-ips",
  "latest-handshakes",
  "transfer",
  "persistent-keepalive",
  "dump",
] as const;

/** Peers by their latest handshake, those without one last, as wg orders them for people. */
export function byLatestHandshake({ peers }: UapiDevice): UapiPeer[] {
  return peers.toSorted((a, b) => b.lastHandshakeSeconds - a.lastHandshakeSeconds);
}

/** A key as wg(8) shows it. */
export function keyText(key: Uint8Array | undefined): string {
  return key === undefined ? "(none)" : bytesToBase64(key);
}

/** A mark as wg(8) shows it. */
export function markText(fwmark: number): string {
  return fwmark === 0 ? "off" : `0x${fwmark.toString(16)}`;
}

/** The output of `showconf`, which `setconf` reads. Contains secrets. */
export function renderShowConf({ state }: ShownDevice): string {
  const lines = ["[Interface]"];
  if (state.listenPort !== 0) lines.push(`ListenPort = ${state.listenPort}`);
  if (state.fwmark !== 0) lines.push(`FwMark = ${markText(state.fwmark)}`);
  if (state.privateKey !== undefined) lines.push(`PrivateKey = ${bytesToBase64(state.privateKey)}`);
  for (const word of OBFUSCATION_WORDS) {
    const value = obfuscationText(state, word);
    if (value !== undefined) lines.push(`${word.conf} = ${value}`);
  }
  for (const peer of state.peers) lines.push("", ...peerConf(peer));
  return `${lines.join("\n")}${state.peers.length === 0 ? "\n" : ""}`;
}

/** A parameter as a conf writes it: a key in base64, a switch as on or off. */
export function obfuscationText(
  { obfuscation }: UapiDevice,
  { uapi, isSwitch }: Pick<ObfuscationWord, "uapi" | "isSwitch">,
): string | undefined {
  const value = obfuscation[uapi];
  if (value !== undefined && isSwitch) return ["1", "true", "on"].includes(value) ? "on" : "off";
  if (value === undefined || uapi !== SECRET_OBFUSCATION_KEY) return value;
  return bytesToBase64(Uint8Array.from(value.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

/** Seconds between empty packets, `20-30` for a random interval. */
export function keepaliveRange({ leastKeepaliveSeconds: least, persistentKeepaliveSeconds: most }: UapiPeer): string {
  return least === undefined ? `${most}` : `${least}-${most}`;
}

function peerConf(peer: UapiPeer): string[] {
  return [
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    ...(peer.presharedKey === undefined ? [] : [`PresharedKey = ${bytesToBase64(peer.presharedKey)}`]),
    ...(peer.allowedIPs.length === 0 ? [] : [`AllowedIPs = ${peer.allowedIPs.join(", ")}`]),
    ...(peer.endpoint === undefined ? [] : [`Endpoint = ${peer.endpoint}`]),
    ...(peer.persistentKeepaliveSeconds === 0 ? [] : [`PersistentKeepalive = ${keepaliveRange(peer)}`]),
  ];
}
