import { AwgError } from "../model/error.ts";
import type { PeerMeasured } from "../model/resources/tunnel.ts";
import { bytesToBase64, isZeroKey, keyFromHex } from "./key-text.ts";
import { isObfuscationKey } from "./obfuscation.ts";

/** The request for an engine's whole state. */
export const UAPI_GET = "get=1\n\n";

/** A device as in the reply to `get=1` (wireguard.com/xplatform). Keys are secrets: this never leaves the port. */
export interface UapiDevice {
  readonly privateKey?: Uint8Array;
  readonly listenPort: number;
  readonly fwmark: number;
  /** Set by awg's own engine. */
  readonly isEmbedded?: true;
  /** The protocol of awg's own engine: "wireguard", "amneziawg 2.0". */
  readonly wire?: string;
  /** AmneziaWG's keys as written. */
  readonly obfuscation: Readonly<Record<string, string>>;
  readonly peers: readonly UapiPeer[];
}

export interface UapiPeer {
  /** Base64. */
  readonly publicKey: string;
  readonly presharedKey?: Uint8Array;
  readonly endpoint?: string;
  /** Every address it may have; only awg's own engine has several. */
  readonly endpoints?: readonly string[];
  readonly allowedIPs: readonly string[];
  /** The upper end, if AmneziaWG 3 reports a range. */
  readonly persistentKeepaliveSeconds: number;
  /** The lower end of that range. */
  readonly leastKeepaliveSeconds?: number;
  readonly lastHandshakeSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Reported by awg's own engine only. */
  readonly measured?: PeerMeasured;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type PeerDraft = Omit<Draft<UapiPeer>, "allowedIPs" | "measured"> & {
  allowedIPs: string[];
  measured?: Draft<PeerMeasured>;
};
type DeviceDraft = Omit<Draft<UapiDevice>, "peers" | "obfuscation"> & {
  peers: PeerDraft[];
  obfuscation: Record<string, string>;
};

const MAX_REPLY_CHARACTERS = 64 * 1024 * 1024;

/** Whether a reply is complete: it ends with an empty line. */
export function isCompleteReply(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[bytes.length - 1] === 10 && bytes[bytes.length - 2] === 10;
}

/**
 * The error number that ends a reply; 0 is success. A reply without one is not from an engine.
 *
 * @throws AwgError("host") when there is none.
 */
export function parseUapiErrno(reply: string): number {
  const match = /(?:^|\n)errno=(-?[0-9]{1,9})\n\n?$/.exec(reply.slice(-64));
  if (match === null) throw malformed("it does not end with errno=");
  return Math.abs(Number(match[1]));
}

/**
 * Reads the reply to `get=1`. Unknown keys are skipped. An invalid value is an error that names the key and never shows
 * the value, which may be a secret (law 8).
 *
 * @throws AwgError("host") for a reply that is no device or whose errno is not 0.
 */
export function parseUapiDevice(reply: string): UapiDevice {
  if (reply.length > MAX_REPLY_CHARACTERS) throw malformed("it is longer than 64 MiB");
  const errno = parseUapiErrno(reply);
  if (errno !== 0) throw new AwgError("host", `the engine replied to a state request with error ${errno}`);
  const device: DeviceDraft = { listenPort: 0, fwmark: 0, obfuscation: {}, peers: [] };
  for (const line of reply.split("\n")) {
    const equals = line.indexOf("=");
    if (equals < 0) {
      if (line !== "") throw malformed("a line has no =");
      continue;
    }
    readField(device, line.slice(0, equals), line.slice(equals + 1));
  }
  return device;
}

function readField(device: DeviceDraft, key: string, value: string): void {
  if (key === "public_key") {
    device.peers.push(newPeer(keyOf(key, value)));
    return;
  }
  const peer = device.peers.at(-1);
  if (peer === undefined) readDeviceField(device, key, value);
  else readPeerField(peer, key, value);
}

function readDeviceField(device: DeviceDraft, key: string, value: string): void {
  switch (key) {
    case "private_key": {
      const bytes = keyOf(key, value);
      if (!isZeroKey(bytes)) device.privateKey = bytes;
      return;
    }
    case "awg_engine":
      if (value === "embedded") device.isEmbedded = true;
      return;
    case "awg_wire":
      if (/^[a-z]+( [0-9.]{1,8})?$/.test(value)) device.wire = value;
      return;
    case "listen_port":
      device.listenPort = numberOf(key, value, 65535);
      return;
    case "fwmark":
      device.fwmark = numberOf(key, value, 0xffffffff);
      return;
    default:
      if (isObfuscationKey(key)) device.obfuscation[key] = value;
  }
}

function readPeerField(peer: PeerDraft, key: string, value: string): void {
  switch (key) {
    case "preshared_key": {
      const bytes = keyOf(key, value);
      if (!isZeroKey(bytes)) peer.presharedKey = bytes;
      return;
    }
    case "endpoint":
      peer.endpoint = endpointOf(key, value);
      return;
    case "awg_endpoints":
      peer.endpoints = value.split(",").map((text) => endpointOf(key, text));
      return;
    case "allowed_ip":
      if (!/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/.test(value)) throw badValue(key);
      peer.allowedIPs.push(value);
      return;
    case "persistent_keepalive_interval":
      readKeepalive(peer, key, value);
      return;
    case "last_handshake_time_sec":
      peer.lastHandshakeSeconds = numberOf(key, value, Number.MAX_SAFE_INTEGER);
      return;
    case "rx_bytes":
      peer.receivedBytes = numberOf(key, value, Number.MAX_VALUE);
      return;
    case "tx_bytes":
      peer.sentBytes = numberOf(key, value, Number.MAX_VALUE);
      return;
  }
  const field = Object.hasOwn(MEASURED, key) ? MEASURED[key] : undefined;
  if (field === undefined) return;
  peer.measured ??= { handshakeAttempts: 0, expectedMessages: 0, acceptedMessages: 0 };
  peer.measured[field] = numberOf(key, value, Number.MAX_SAFE_INTEGER);
}

const MEASURED: Readonly<Record<string, keyof PeerMeasured>> = {
  awg_handshake_attempts: "handshakeAttempts",
  awg_round_trip_ms: "roundTripMs",
  awg_messages_expected: "expectedMessages",
  awg_messages_accepted: "acceptedMessages",
};

/** `25`, or `20-30` from an engine of AmneziaWG 3. */
function readKeepalive(peer: PeerDraft, key: string, value: string): void {
  const [low = "", high = low] = value.split("-");
  peer.persistentKeepaliveSeconds = numberOf(key, high, 65535);
  const least = numberOf(key, low, 65535);
  if (least !== peer.persistentKeepaliveSeconds) peer.leastKeepaliveSeconds = least;
}

function newPeer(key: Uint8Array): PeerDraft {
  return {
    publicKey: bytesToBase64(key),
    allowedIPs: [],
    persistentKeepaliveSeconds: 0,
    lastHandshakeSeconds: 0,
    receivedBytes: 0,
    sentBytes: 0,
  };
}

function keyOf(key: string, value: string): Uint8Array {
  const bytes = keyFromHex(value);
  if (bytes === undefined) throw badValue(key);
  return bytes;
}

function numberOf(key: string, value: string, max: number): number {
  if (!/^[0-9]{1,20}$/.test(value) || Number(value) > max) throw badValue(key);
  return Number(value);
}

function endpointOf(key: string, value: string): string {
  if (value.length > 80 || !/^(\[[0-9a-fA-F:.]+(%[\w.-]+)?\]|[0-9.]+):[0-9]{1,5}$/.test(value)) throw badValue(key);
  return value;
}

function badValue(key: string): AwgError {
  return malformed(`the value of ${key} is not valid`);
}

function malformed(why: string): AwgError {
  return new AwgError("host", `the engine's reply is not a WireGuard state: ${why}`, {
    remedy: "check which program listens on the tunnel's UAPI socket",
  });
}
