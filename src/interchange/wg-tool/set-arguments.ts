import { bytesToHex } from "../../uapi/key-text.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import { OBFUSCATION_WORDS, type ObfuscationWord, obfuscationLine } from "./obfuscation-words.ts";
import { type PeerChange, peerChange, type TunnelChange } from "./tunnel-change.ts";
import { keepaliveOf, keyOfText, markLine, portLine, prefixesOf, publicKeyOf, wrong } from "./values.ts";

/** Reads a key file; keys are never on the command line. */
type ReadKeyFile = (path: string) => string;
type Draft = { -readonly [Name in keyof PeerChange]: PeerChange[Name] };

/**
 * The change requested by the words after `awg set <interface>`, as in wg(8) and amneziawg-tools.
 *
 * @throws AwgError("usage") that names the word
 */
export function parseSetArguments(words: readonly string[], readKeyFile: ReadKeyFile): TunnelChange {
  const device: string[] = [];
  const peers: Draft[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = (words[at] ?? "").toLowerCase();
    const peer = peers.at(-1);
    if (peer !== undefined && word === "remove") {
      peer.remove = true;
      continue;
    }
    const value = words[at + 1];
    if (value === undefined) throw wrong(`${word} has no value`, "add a value");
    at += 1;
    if (word === "peer") peers.push(peerChange(publicKeyOf(value)));
    else if (peer === undefined) device.push(deviceLine(word, value, readKeyFile));
    else setOfPeer(peer, word, value, readKeyFile);
  }
  return { device, replacePeers: false, peers };
}

function deviceLine(word: string, value: string, readKeyFile: ReadKeyFile): string {
  if (word === "listen-port") return portLine(value);
  if (word === "fwmark") return markLine(value);
  if (word === "private-key") {
    return `private_key=${bytesToHex(keyOfText(readKeyFile(value), `the file ${value}`))}`;
  }
  const parameter = OBFUSCATION_WORDS.find(({ option }) => option === word);
  if (parameter === undefined) throw unknown(word);
  return obfuscationLine(parameter, isSecret(parameter) ? readKeyFile(value) : value);
}

function setOfPeer(peer: Draft, word: string, value: string, readKeyFile: ReadKeyFile): void {
  switch (word) {
    case "preshared-key":
      peer.presharedKey = keyOfText(readKeyFile(value), `the file ${value}`);
      return;
    case "endpoint":
      peer.endpoint = value;
      return;
    case "persistent-keepalive":
      peer.keepalive = keepaliveOf(value);
      return;
    case "allowed-ips": {
      const { prefixes, replaces } = prefixesOf(value);
      peer.allowedIps = prefixes;
      peer.replaceAllowedIps = replaces;
      return;
    }
    // Only AmneziaWG 1.0's kernel module has it.
    case "advanced-security":
      return;
    default:
      throw unknown(word);
  }
}

function isSecret({ uapi }: ObfuscationWord): boolean {
  return uapi === SECRET_OBFUSCATION_KEY;
}

function unknown(word: string) {
  // If a word was forgotten this is a value, possibly a key.
  const shown = /^[a-z0-9-]{1,30}$/.test(word) ? `"${word}"` : "a word";
  return wrong(`unknown setting ${shown}`, "see awg set --help");
}
