import { AwgError } from "../../model/error.ts";
import type { UapiPeer } from "../../uapi/reply.ts";
import { OBFUSCATION_WORDS, type ObfuscationWord } from "./obfuscation-words.ts";
import { FIELDS, keepaliveRange, keyText, markText, obfuscationText, type ShownDevice } from "./shown-device.ts";

const OFF_BY_DEFAULT: Readonly<Record<string, string>> = { h1: "1", h2: "2", h3: "3", h4: "4" };
/** The dump of amneziawg-tools 3.1 has these columns between port and mark; it has none for parameters of 1.5 alone. */
const DUMP_COLUMNS = OBFUSCATION_WORDS.filter(({ conf }) => !/^(?:J[1-3]|Itime)$/.test(conf));

/**
 * One field of a device, one line per device or peer, for programs.
 *
 * @param prefix the device's name in front of each line (`show all`)
 * @throws AwgError("usage") for an unknown field
 */
export function showField(device: ShownDevice, field: string, prefix: boolean): string[] {
  const lines = fieldLines(device, field.replaceAll("_", "-"));
  return prefix ? lines.map((line) => `${device.name}\t${line}`) : lines;
}

function fieldLines(device: ShownDevice, field: string): string[] {
  const { state, publicKey = "(none)" } = device;
  const each = (text: (peer: UapiPeer) => string | number) =>
    state.peers.map((peer) => `${peer.publicKey}\t${text(peer)}`);
  switch (field) {
    case "public-key":
      return [publicKey];
    case "private-key":
      return [keyText(state.privateKey)];
    case "listen-port":
      return [`${state.listenPort}`];
    case "fwmark":
      return [markText(state.fwmark)];
    case "peers":
      return state.peers.map((peer) => peer.publicKey);
    case "preshared-keys":
      return each(({ presharedKey }) => keyText(presharedKey));
    case "endpoints":
      return each(({ endpoint }) => endpoint ?? "(none)");
    case "allowed-ips":
      return each(({ allowedIPs }) => (allowedIPs.length === 0 ? "(none)" : allowedIPs.join(" ")));
    case "latest-handshakes":
      return each(({ lastHandshakeSeconds }) => lastHandshakeSeconds);
    case "transfer":
      return each(({ receivedBytes, sentBytes }) => `${receivedBytes}\t${sentBytes}`);
    case "persistent-keepalive":
      return each(keepaliveText);
    case "dump":
      return dump(device);
  }
  const parameter = OBFUSCATION_WORDS.find(({ option }) => option === field);
  if (parameter !== undefined) return [parameterText(device, parameter)];
  throw new AwgError("usage", `unknown field "${field}"`, { remedy: `use one of ${FIELDS.join(", ")}` });
}

function dump(device: ShownDevice): string[] {
  const { state, publicKey = "(none)" } = device;
  const columns = DUMP_COLUMNS.map((word) => parameterText(device, word));
  const head = [keyText(state.privateKey), publicKey, state.listenPort, ...columns, markText(state.fwmark)];
  const peers = state.peers.map((peer) => [
    peer.publicKey,
    keyText(peer.presharedKey),
    peer.endpoint ?? "(none)",
    peer.allowedIPs.join(",") || "(none)",
    peer.lastHandshakeSeconds,
    peer.receivedBytes,
    peer.sentBytes,
    keepaliveText(peer),
  ]);
  return [head, ...peers].map((row) => row.join("\t"));
}

/** What the tools print for a disabled parameter. */
function parameterText({ state }: ShownDevice, word: ObfuscationWord): string {
  const { uapi, isSwitch } = word;
  const absent = /^i[1-5]$/.test(uapi) ? "(null)" : uapi.endsWith("_key") ? "(none)" : isSwitch ? "off" : "0";
  return obfuscationText(state, word) ?? OFF_BY_DEFAULT[uapi] ?? absent;
}

function keepaliveText(peer: UapiPeer): string {
  return peer.persistentKeepaliveSeconds === 0 ? "off" : keepaliveRange(peer);
}
