import { keyCopy } from "../../engine/crypto/kdf.ts";
import { type Prefix, parsePrefix } from "../../model/prefix.ts";
import { bytesToHex, keyFromHex } from "../../uapi/key-text.ts";
import { isObfuscationKey } from "../../uapi/obfuscation.ts";
import type { WireEndpoint } from "../contract.ts";
import { wipeKeys } from "../key-bytes.ts";
import { parseEndpoint } from "./endpoint-text.ts";
import { UapiError } from "./uapi-error.ts";

/** Seconds; 0 and 0 is off. */
export interface KeepaliveRange {
  readonly low: number;
  readonly high: number;
}

/** A parsed `set`; absent fields do not change. */
export interface SetRequest {
  /** All zeros remove the key. */
  readonly privateKey?: Uint8Array;
  readonly listenPort?: number;
  readonly fwmark?: number;
  /** Our extension: the earliest wall clock time of handshakes in seconds, from a keeper that saw a later clock. */
  readonly notBeforeSeconds?: number;
  readonly obfuscation: Readonly<Record<string, string>>;
  readonly replacePeers: boolean;
  readonly peers: readonly PeerRequest[];
}

export interface PeerRequest {
  readonly publicKey: Uint8Array;
  /** The same in hex. */
  readonly key: string;
  readonly remove: boolean;
  readonly updateOnly: boolean;
  readonly presharedKey?: Uint8Array;
  readonly endpoint?: WireEndpoint;
  /** Our extension: all possible addresses of the peer; an empty list: its endpoint alone. */
  readonly endpoints?: readonly WireEndpoint[];
  readonly keepalive?: KeepaliveRange;
  /** Our extension: a handshake now, also within a session. */
  readonly handshake?: boolean;
  readonly replaceAllowedIps: boolean;
  readonly allowedIps: readonly { readonly prefix: Prefix; readonly remove: boolean }[];
}

type Draft<T> = { -readonly [Name in keyof T]: T[Name] };
type PeerDraft = Omit<Draft<PeerRequest>, "allowedIps"> & { allowedIps: { prefix: Prefix; remove: boolean }[] };
type SetDraft = Omit<Draft<SetRequest>, "peers" | "obfuscation"> & {
  peers: PeerDraft[];
  obfuscation: Record<string, string>;
};

const MAX_PORT = 65_535;
const MAX_MARK = 0xffff_ffff;
const MAX_SECONDS = 65_535;
const MAX_ENDPOINTS = 16;
const MAX_CLOCK_SECONDS = 9_999_999_999;
/** The longest valid value is the template of an I packet. */
const MAX_LINE = 65_536;

/**
 * Parses a `set` (wireguard.com/xplatform, with AmneziaWG's device keys). It is refused whole if any line is wrong.
 *
 * @param lines between `set=1` and the empty line
 * @throws UapiError EINVAL or EPROTO, naming the key
 */
export function parseSet(lines: Iterable<string>): SetRequest {
  const request: SetDraft = { obfuscation: {}, replacePeers: false, peers: [] };
  try {
    for (const line of lines) takeLine(request, line);
    return request;
  } catch (error) {
    wipeKeys(
      [request.privateKey, ...request.peers.map((peer) => peer.presharedKey)].filter((key) => key !== undefined),
    );
    throw error;
  }
}

function takeLine(request: SetDraft, line: string): void {
  const equals = line.indexOf("=");
  if (equals <= 0 || line.length > MAX_LINE) throw new UapiError("EPROTO", "a line is not key=value");
  const [key, value] = [line.slice(0, equals), line.slice(equals + 1)];
  const peer = request.peers.at(-1);
  if (key === "public_key") request.peers.push(newPeer(keyOf(key, value)));
  else if (peer === undefined) setDevice(request, key, value);
  else setPeer(peer, key, value);
}

function setDevice(request: SetDraft, key: string, value: string): void {
  switch (key) {
    case "private_key":
      request.privateKey = secretOf(key, value);
      return;
    case "listen_port":
      request.listenPort = numberOf(key, value, MAX_PORT);
      return;
    case "fwmark":
      request.fwmark = value === "" ? 0 : numberOf(key, value, MAX_MARK);
      return;
    case "awg_not_before":
      request.notBeforeSeconds = numberOf(key, value, MAX_CLOCK_SECONDS);
      return;
    case "replace_peers":
      request.replacePeers = flagOf(key, value);
      return;
  }
  if (!isObfuscationKey(key)) throw unknown(key);
  request.obfuscation[key] = value;
}

function setPeer(peer: PeerDraft, key: string, value: string): void {
  switch (key) {
    case "remove":
      peer.remove = flagOf(key, value);
      return;
    case "update_only":
      peer.updateOnly = flagOf(key, value);
      return;
    case "preshared_key":
      peer.presharedKey = secretOf(key, value);
      return;
    case "endpoint":
      peer.endpoint = parseEndpoint(value) ?? fail(key);
      return;
    case "awg_endpoints":
      peer.endpoints = endpointsOf(key, value);
      return;
    case "awg_handshake":
      peer.handshake = flagOf(key, value);
      return;
    case "persistent_keepalive_interval":
      peer.keepalive = rangeOf(key, value);
      return;
    case "replace_allowed_ips":
      peer.replaceAllowedIps = flagOf(key, value);
      if (peer.replaceAllowedIps) peer.allowedIps = [];
      return;
    case "allowed_ip":
      peer.allowedIps.push(allowedIpOf(key, value));
      return;
    case "protocol_version":
      if (value !== "1") fail(key);
      return;
    default:
      throw unknown(key);
  }
}

function newPeer(publicKey: Uint8Array): PeerDraft {
  return {
    publicKey,
    key: bytesToHex(publicKey),
    remove: false,
    updateOnly: false,
    replaceAllowedIps: false,
    allowedIps: [],
  };
}

function endpointsOf(key: string, value: string): readonly WireEndpoint[] {
  const texts = value === "" ? [] : value.split(",");
  if (texts.length > MAX_ENDPOINTS) fail(key);
  return texts.map((text) => parseEndpoint(text) ?? fail(key));
}

function allowedIpOf(key: string, value: string): { prefix: Prefix; remove: boolean } {
  const remove = value.startsWith("-");
  const prefix = parsePrefix(value.replace(/^[+-]/, ""));
  return prefix === undefined ? fail(key) : { prefix, remove };
}

function keyOf(key: string, value: string): Uint8Array {
  return keyFromHex(value) ?? fail(key);
}

function secretOf(key: string, value: string): Uint8Array {
  const read = keyOf(key, value);
  const secret = keyCopy(read);
  wipeKeys([read]);
  return secret;
}

function flagOf(key: string, value: string): boolean {
  return value === "true" || (value === "false" ? false : fail(key));
}

function rangeOf(key: string, value: string): KeepaliveRange {
  const [low = "", high = low, more] = value.split("-");
  const range = { low: numberOf(key, low, MAX_SECONDS), high: numberOf(key, high, MAX_SECONDS) };
  return more === undefined && range.low <= range.high ? range : fail(key);
}

function numberOf(key: string, value: string, max: number): number {
  return /^[0-9]{1,10}$/.test(value) && Number(value) <= max ? Number(value) : fail(key);
}

function fail(key: string): never {
  throw new UapiError("EINVAL", `the value of ${key} is invalid`);
}

function unknown(key: string): UapiError {
  const shown = /^[a-z0-9_]{1,40}$/.test(key) ? key : "a key";
  return new UapiError("EINVAL", `${shown} cannot be set there`);
}
