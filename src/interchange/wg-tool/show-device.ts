import { counted } from "../../model/text/counted.ts";
import { bytesToBase64 } from "../../uapi/key-text.ts";
import { normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { UapiPeer } from "../../uapi/reply.ts";
import { OBFUSCATION_WORDS } from "./obfuscation-words.ts";
import { byLatestHandshake, markText, obfuscationText, type ShownDevice } from "./shown-device.ts";

const UNITS = [
  ["year", 365 * 24 * 60 * 60],
  ["day", 24 * 60 * 60],
  ["hour", 60 * 60],
  ["minute", 60],
  ["second", 1],
] as const;

/**
 * A device for people, as `wg show` prints it. Keys are hidden unless WG_HIDE_KEYS is `never`.
 *
 * @param nowSeconds Unix time
 */
export function showDevice(device: ShownDevice, nowSeconds: number, showsKeys: boolean): string {
  const { state } = device;
  const secret = (key: Uint8Array) => (showsKeys ? bytesToBase64(key) : "(hidden)");
  const lines = [`interface: ${device.name}`];
  const line = (name: string, value: string) => lines.push(`  ${name}: ${value}`);
  if (device.publicKey !== undefined) line("public key", device.publicKey);
  if (state.privateKey !== undefined) line("private key", secret(state.privateKey));
  if (state.listenPort !== 0) line("listening port", `${state.listenPort}`);
  if (state.fwmark !== 0) line("fwmark", markText(state.fwmark));
  const set = normalizeObfuscation(state.obfuscation);
  for (const word of OBFUSCATION_WORDS) {
    if (set[word.uapi] === undefined) continue;
    const isHidden = word.uapi === SECRET_OBFUSCATION_KEY && !showsKeys;
    line(word.option.replaceAll("-", " "), isHidden ? "(hidden)" : (obfuscationText(state, word) ?? ""));
  }
  for (const peer of byLatestHandshake(state)) lines.push("", ...peerLines(peer, nowSeconds, secret));
  return lines.join("\n");
}

function peerLines(peer: UapiPeer, nowSeconds: number, secret: (key: Uint8Array) => string): string[] {
  const { receivedBytes, sentBytes, lastHandshakeSeconds, persistentKeepaliveSeconds } = peer;
  const lines = [`peer: ${peer.publicKey}`];
  const line = (name: string, value: string) => lines.push(`  ${name}: ${value}`);
  if (peer.presharedKey !== undefined) line("preshared key", secret(peer.presharedKey));
  if (peer.endpoint !== undefined) line("endpoint", peer.endpoint);
  line("allowed ips", peer.allowedIPs.join(", ") || "(none)");
  if (lastHandshakeSeconds !== 0) line("latest handshake", ago(nowSeconds - lastHandshakeSeconds));
  if (receivedBytes !== 0 || sentBytes !== 0) {
    line("transfer", `${byteText(receivedBytes)} received, ${byteText(sentBytes)} sent`);
  }
  if (persistentKeepaliveSeconds !== 0) line("persistent keepalive", `every ${duration(persistentKeepaliveSeconds)}`);
  return lines;
}

function ago(seconds: number): string {
  if (seconds === 0) return "Now";
  if (seconds < 0) return "(System clock wound backward; connection problems may ensue.)";
  return `${duration(seconds)} ago`;
}

function duration(seconds: number): string {
  const parts: string[] = [];
  let left = seconds;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) parts.push(counted(count, unit));
  }
  return parts.join(", ");
}

function byteText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(2)} ${units[power - 1]}`;
}
