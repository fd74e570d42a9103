import { AwgError } from "../model/error.ts";
import {
  isAtItsEndpoint,
  type PeerObserved,
  type PeerSpec,
  type TunnelObserved,
  type TunnelSpec,
} from "../model/resources/tunnel.ts";
import type { SecretId } from "../model/secret.ts";
import { bytesToHex, keyFromBase64 } from "./key-text.ts";
import { normalizeObfuscation, OBFUSCATION_KEYS, offValueOf, SECRET_OBFUSCATION_KEY } from "./obfuscation.ts";

type BytesOf = (id: SecretId) => Uint8Array;
const NO_KEY = "0".repeat(64);
/** Any positive interval; it lasts no longer than its `set`. */
const GREETING_SECONDS = "25";

/**
 * The one `set` that brings an engine to the spec (wireguard.com/xplatform). Without `previous` it replaces everything;
 * with it only differences are sent, so other peers keep their sessions. A repeated field would be a rebind
 * (listen_port), a lost session (private_key) or a moment without routes (allowed_ip).
 * The mark precedes the peers: a first handshake without it is dropped by our own firewall, and repeated only after 5
 * s. A listen port of 0 keeps the engine's port.
 *
 * @returns undefined when there is nothing to set. The text holds secrets.
 * @throws AwgError("host") when a secret is missing, ("bug") when a key is not 32 bytes.
 */
export function renderUapiSet(
  spec: TunnelSpec,
  previous: TunnelObserved | undefined,
  bytesOf: BytesOf,
): string | undefined {
  const known = previous?.running === true ? previous : undefined;
  const lines = deviceLines(spec, known, bytesOf);
  if (known === undefined) lines.push("replace_peers=true");
  const before = new Map((known?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  const wanted = new Set(spec.peers.map((peer) => peer.publicKey));
  for (const publicKey of before.keys()) {
    if (!wanted.has(publicKey)) lines.push(`public_key=${publicHex(publicKey)}`, "remove=true");
  }
  for (const peer of spec.peers) {
    const current = before.get(peer.publicKey);
    lines.push(...peerLines(peer, current, bytesOf));
    if (spec.engine !== "embedded" && isMoved(peer, current)) lines.push(...greetingLines(peer));
  }
  return lines.length === 0 ? undefined : `set=1\n${lines.join("\n")}\n\n`;
}

function deviceLines(spec: TunnelSpec, known: TunnelObserved | undefined, bytesOf: BytesOf): string[] {
  const lines: string[] = [];
  if (known?.privateKey !== spec.privateKey) lines.push(`private_key=${secretHex(spec.privateKey, bytesOf)}`);
  if (known?.fwmark !== spec.fwmark) lines.push(`fwmark=${spec.fwmark}`);
  if (spec.listenPort !== (known?.listenPort ?? 0) && (spec.listenPort !== 0 || known === undefined)) {
    lines.push(`listen_port=${spec.listenPort}`);
  }
  return [...lines, ...obfuscationLines(spec.obfuscation, known?.obfuscation ?? {}, bytesOf)];
}

/** All parameters or none: AmneziaWG 1.x resets those that a set with any of them leaves out. */
function obfuscationLines(
  wantedValues: Readonly<Record<string, string>>,
  knownValues: Readonly<Record<string, string>>,
  bytesOf: BytesOf,
): string[] {
  const wanted = normalizeObfuscation(wantedValues);
  const known = normalizeObfuscation(knownValues);
  if (OBFUSCATION_KEYS.every((key) => wanted[key] === known[key])) return [];
  return OBFUSCATION_KEYS.flatMap((key) => {
    const value = wanted[key];
    if (value === undefined) return known[key] === undefined ? [] : [`${key}=${offValue(key)}`];
    return [`${key}=${key === SECRET_OBFUSCATION_KEY ? secretHex(value as SecretId, bytesOf) : value}`];
  });
}

function offValue(key: string): string {
  return key === SECRET_OBFUSCATION_KEY ? NO_KEY : offValueOf(key);
}

function peerLines(peer: PeerSpec, known: PeerObserved | undefined, bytesOf: BytesOf): string[] {
  const changes: string[] = [];
  if (peer.presharedKey !== known?.presharedKey) {
    changes.push(`preshared_key=${peer.presharedKey === undefined ? NO_KEY : secretHex(peer.presharedKey, bytesOf)}`);
  }
  if (!isAtItsEndpoint(peer, known?.endpoint)) changes.push(`endpoint=${peer.endpoint}`);
  const endpoints = (peer.endpoints ?? []).join(",");
  if (endpoints !== (known?.endpoints ?? []).join(",")) changes.push(`awg_endpoints=${endpoints}`);
  const keepalive = keepaliveText(peer);
  if (keepalive !== keepaliveText(known)) changes.push(`persistent_keepalive_interval=${keepalive}`);
  changes.push(...allowedIpLines(peer.allowedIPs, known));
  if (known !== undefined && changes.length === 0) return [];
  const head = `public_key=${publicHex(peer.publicKey)}`;
  return known === undefined ? [head, ...changes] : [head, "update_only=true", ...changes];
}

/** Whether a peer with a handshake gets another endpoint. */
function isMoved(peer: PeerSpec, current: PeerObserved | undefined): boolean {
  return current !== undefined && current.lastHandshakeSeconds > 0 && !isAtItsEndpoint(peer, current.endpoint);
}

/**
 * Makes wireguard-go send to a peer with a new endpoint: a keepalive interval that becomes positive does so
 * (device/uapi.go). Until the peer receives from there it answers to our old address, and each answer moves the
 * endpoint back. awg's own engine starts a handshake by itself.
 */
function greetingLines(peer: PeerSpec): string[] {
  const head = [`public_key=${publicHex(peer.publicKey)}`, "update_only=true"];
  const keepalive = keepaliveText(peer);
  const intervals = keepalive === "0" ? [GREETING_SECONDS, "0"] : ["0", keepalive];
  return intervals.flatMap((interval) => [...head, `persistent_keepalive_interval=${interval}`]);
}

/** `25`, or `20-30` for a random interval. */
function keepaliveText(peer: PeerSpec | undefined): string {
  const { leastKeepaliveSeconds: least, persistentKeepaliveSeconds: most = 0 } = peer ?? {};
  return least === undefined ? `${most}` : `${least}-${most}`;
}

/** New prefixes are added; if one is removed, the list is replaced. */
function allowedIpLines(wanted: readonly string[], known: PeerObserved | undefined): string[] {
  const before = new Set(known?.allowedIPs ?? []);
  const after = new Set(wanted);
  const removes = [...before].some((prefix) => !after.has(prefix));
  const sent = removes || known === undefined ? wanted : wanted.filter((prefix) => !before.has(prefix));
  const lines = sent.map((prefix) => `allowed_ip=${prefix}`);
  return removes || known === undefined ? ["replace_allowed_ips=true", ...lines] : lines;
}

function publicHex(publicKey: string): string {
  const bytes = keyFromBase64(publicKey);
  if (bytes === undefined) throw new AwgError("bug", `"${publicKey}" is not a public key: 32 bytes in base64`);
  return bytesToHex(bytes);
}

function secretHex(id: SecretId, bytesOf: BytesOf): string {
  const bytes = bytesOf(id);
  if (bytes.length !== 32) throw new AwgError("bug", `secret ${id} is not a key: it has ${bytes.length} bytes, not 32`);
  return bytesToHex(bytes);
}
