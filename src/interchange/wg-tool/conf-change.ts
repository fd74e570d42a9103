import type { AwgError } from "../../model/error.ts";
import { bytesToHex } from "../../uapi/key-text.ts";
import { isObfuscationKey, offValueOf, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { UapiDevice } from "../../uapi/reply.ts";
import { type ConfSection, parseConf } from "../wg-quick/conf-sections.ts";
import { OBFUSCATION_WORDS, obfuscationLine } from "./obfuscation-words.ts";
import { type PeerChange, peerChange, type TunnelChange } from "./tunnel-change.ts";
import { keepaliveOf, keyOfText, markLine, portLine, prefixesOf, publicKeyOf, wrong } from "./values.ts";

type Draft = { -readonly [Name in keyof PeerChange]: PeerChange[Name] };
const NO_KEY = "0".repeat(64);
const NO_KEY_BYTES = new Uint8Array(32);

/**
 * The content of a wg(8) conf: keys of wg-quick are refused, as by wg.
 *
 * @throws AwgError("usage") with the line
 */
export function readToolConf(text: string, source: string): TunnelChange {
  // A conf for addconf may have peers only; the empty section after them has no meaning.
  const { sections, findings } = parseConf(`${text}\n[Interface]\n`, source);
  const [first] = findings;
  if (first !== undefined) throw wrong(`${first.place}: ${first.message}`, first.remedy);
  const device = sections.filter(({ kind }) => kind === "interface").flatMap(deviceLines);
  return { device, replacePeers: false, peers: sections.filter(({ kind }) => kind === "peer").map(peerOf) };
}

/** The change that makes a device exactly as in the conf: what the conf lacks is removed. */
export function replacingAll(conf: TunnelChange, held: UapiDevice): TunnelChange {
  const said = new Set(conf.device.map((line) => line.slice(0, line.indexOf("="))));
  const isObfuscated = Object.keys(held.obfuscation).length > 0 || [...said].some(isObfuscationKey);
  const resets = [
    ...(said.has("private_key") ? [] : [`private_key=${NO_KEY}`]),
    ...(said.has("fwmark") ? [] : ["fwmark=0"]),
    ...(said.has("listen_port") ? [] : ["listen_port=0"]),
    ...(isObfuscated ? OBFUSCATION_WORDS.filter(({ uapi }) => !said.has(uapi) && isHeld(held, uapi)).map(offLine) : []),
  ];
  return { ...conf, device: [...conf.device, ...resets], replacePeers: true };
}

/**
 * The change that keeps the sessions of peers that stay. Other peers are removed, and so is a preshared key that the
 * conf lacks.
 */
export function syncing(conf: TunnelChange, held: UapiDevice): TunnelChange {
  const wanted = new Set(conf.peers.map(({ publicKey }) => bytesToHex(publicKey)));
  const known = new Map(held.peers.map((peer) => [bytesToHex(publicKeyOf(peer.publicKey)), peer]));
  const gone = [...known.values()].filter(({ publicKey }) => !wanted.has(bytesToHex(publicKeyOf(publicKey))));
  const peers = conf.peers.map((peer): PeerChange => {
    const before = known.get(bytesToHex(peer.publicKey));
    const losesKey = before?.presharedKey !== undefined && peer.presharedKey === undefined;
    return losesKey ? { ...peer, presharedKey: NO_KEY_BYTES } : peer;
  });
  const removed = gone.map(({ publicKey }): PeerChange => ({ ...peerChange(publicKeyOf(publicKey)), remove: true }));
  return { ...conf, peers: [...removed, ...peers] };
}

function isHeld(held: UapiDevice, uapi: string): boolean {
  return held.obfuscation[uapi] !== undefined;
}

function offLine({ uapi }: { readonly uapi: string }): string {
  return `${uapi}=${uapi === SECRET_OBFUSCATION_KEY ? NO_KEY : offValueOf(uapi)}`;
}

function deviceLines({ entries }: ConfSection): string[] {
  return entries.map(({ key, value, place }) => {
    const name = key.toLowerCase();
    if (name === "listenport") return portLine(value);
    if (name === "fwmark") return markLine(value);
    if (name === "privatekey") return `private_key=${bytesToHex(keyOfText(value, `${place}: PrivateKey`))}`;
    const parameter = OBFUSCATION_WORDS.find(({ conf }) => conf.toLowerCase() === name);
    if (parameter !== undefined) return obfuscationLine(parameter, value);
    throw notOfWg(key, place);
  });
}

function notOfWg(key: string, place: string): AwgError {
  return wrong(`${place}: ${key} is not a key of wg`, "use awg-quick strip first, or awg import");
}

function peerOf({ entries, place }: ConfSection): PeerChange {
  const key = entries.find((entry) => entry.key.toLowerCase() === "publickey");
  if (key === undefined) throw wrong(`${place}: a peer has no PublicKey`, "add it");
  const peer: Draft = { ...peerChange(publicKeyOf(key.value)), replaceAllowedIps: true };
  for (const entry of entries) setOfPeer(peer, entry.key, entry.value, entry.place);
  return peer;
}

function setOfPeer(peer: Draft, key: string, value: string, place: string): void {
  switch (key.toLowerCase()) {
    case "presharedkey":
      peer.presharedKey = keyOfText(value, `${place}: PresharedKey`);
      return;
    case "endpoint":
      peer.endpoint = value;
      return;
    case "persistentkeepalive":
      peer.keepalive = keepaliveOf(value);
      return;
    case "allowedips": {
      const { prefixes, replaces } = prefixesOf(value);
      peer.allowedIps = [...peer.allowedIps, ...prefixes];
      // Of repeated lines the last one counts, as in wg.
      peer.replaceAllowedIps = replaces;
      return;
    }
    case "publickey":
    // Only AmneziaWG 1.0's kernel module has it.
    case "advancedsecurity":
      return;
    default:
      throw notOfWg(key, place);
  }
}
