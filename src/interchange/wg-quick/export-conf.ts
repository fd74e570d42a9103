import type { Config, NoiseTunnel, Obfuscation, Peer } from "../../config/config.ts";
import { completeObfuscation, HEADER_KEYS } from "../../config/section/amnezia-version.ts";
import { addressOfServer } from "../../model/dns/name-server.ts";
import type { SecretRef } from "../../model/secret.ts";
import { type ImportFinding, importNote } from "../import-finding.ts";
import { joinEndpoint } from "../json/json-value.ts";
import { OBFUSCATION_KEYS } from "./conf-keys.ts";
import { routingInConf } from "./conf-routing.ts";

/** A tunnel as the text of a conf, and the parts of the config that a conf cannot express. */
export interface ExportedConf {
  readonly text: string;
  readonly findings: readonly ImportFinding[];
}

export interface ExportOptions {
  readonly name: string;
  readonly tunnel: NoiseTunnel;
  /** The text for a secret: itself, or a placeholder. */
  readonly secret: (ref: SecretRef) => string;
}

/** One tunnel as wg-quick(8) or awg-quick reads it. Pure, apart from `secret`. */
export function exportConf(config: Config, { name, tunnel, secret }: ExportOptions): ExportedConf {
  const routing = routingInConf(config, name, tunnel);
  const mtu = tunnel.mtu === "auto" ? [] : [`MTU = ${tunnel.mtu}`];
  const lines = [
    "[Interface]",
    `PrivateKey = ${secret(tunnel.privateKey)}`,
    ...listLine("Address", tunnel.addresses),
    ...(tunnel.listenPort === 0 ? [] : [`ListenPort = ${tunnel.listenPort}`]),
    ...listLine("DNS", dnsServers(config, name, tunnel)),
    ...mtu,
    ...(routing.isRouted ? [] : ["Table = off"]),
    ...(tunnel.fwmark === undefined ? [] : [`FwMark = 0x${tunnel.fwmark.toString(16)}`]),
    ...(tunnel.obfuscation === undefined ? [] : obfuscationLines(tunnel.obfuscation, secret)),
    ...tunnel.peers.flatMap((peer) => ["", ...peerLines(peer, secret)]),
  ];
  const findings = [
    ...routing.findings,
    ...tunnelFindings(`tunnels.${name}`, tunnel),
    ...machineFindings(config, name),
  ];
  return { text: `${lines.join("\n")}\n`, findings };
}

function listLine(key: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`${key} = ${values.join(", ")}`];
}

function dnsServers({ dns }: Config, name: string, tunnel: NoiseTunnel): readonly string[] {
  if (tunnel.dns !== undefined) return tunnel.dns;
  if (dns === undefined || dns.via.kind === "block") return [];
  const isHere = dns.via.kind === "direct" || dns.via.tunnel === name;
  return isHere && dns.servers.length > 0 ? [...dns.servers.map(addressOfServer), ...(dns.search ?? [])] : [];
}

function obfuscationLines(obfuscation: Obfuscation, secret: ExportOptions["secret"]): string[] {
  return OBFUSCATION_KEYS.flatMap(({ name, key, value }) => {
    const written = obfuscation[key];
    const isHeader = HEADER_KEYS.some((header) => header === key);
    if (written === undefined || written === false || (written === 0 && !isHeader)) return [];
    if (value === "secret") return [`${name} = ${secret(written as SecretRef)}`];
    if (value === "switch") return [`${name} = on`];
    return [`${name} = ${renderValue(written as number | string | readonly [number, number])}`];
  });
}

/** `a-a` is written as `a`; fractions of a second, which a conf cannot hold, are rounded. */
function renderValue(value: number | string | readonly [number, number]): string {
  if (typeof value === "string") return onOneLine(value);
  if (typeof value === "number") return String(value);
  const [low, high] = [Math.round(value[0]), Math.round(value[1])];
  return low === high ? String(low) : `${low}-${high}`;
}

/** A line break ends a line of a conf; inside a packet's tag a blank is equivalent. */
function onOneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
}

function peerLines(peer: Peer, secret: ExportOptions["secret"]): string[] {
  const { name, publicKey, presharedKey, endpoint, allowedIPs, persistentKeepalive: keepalive } = peer;
  return [
    ...(name === undefined ? [] : [`# ${onOneLine(name)}`]),
    "[Peer]",
    `PublicKey = ${publicKey}`,
    ...(presharedKey === undefined ? [] : [`PresharedKey = ${secret(presharedKey)}`]),
    ...listLine("AllowedIPs", allowedIPs),
    ...(endpoint === undefined ? [] : [`Endpoint = ${joinEndpoint(endpoint.host, String(endpoint.port))}`]),
    ...(keepalive === undefined || keepalive[1] === 0 ? [] : [`PersistentKeepalive = ${renderValue(keepalive)}`]),
  ];
}

function tunnelFindings(path: string, tunnel: NoiseTunnel): ImportFinding[] {
  const { obfuscation, engine } = tunnel;
  const unsaid = [
    ...(["forward", "masquerade", "failover", "interface", "table"] as const).filter((key) => tunnel[key]),
    ...(tunnel.enabled ? [] : ["enabled"]),
    ...(engine === "auto" ? [] : ["engine"]),
  ];
  const findings = unsaid.map((key) => importNote(`${path}.${key}`, "is not in the conf, which cannot express it"));
  if (obfuscation === undefined) return findings;
  const { version, ...parameters } = obfuscation;
  if (completeObfuscation(parameters).version !== version) {
    findings.push(
      importNote(`${path}.obfuscation.version`, "is not in the conf: programs derive it from the parameters"),
    );
  }
  return findings;
}

/** Keys that a conf can express, or that are reported elsewhere. */
const EXPRESSED = ["apiVersion", "name", "requires", "tunnels", "rules", "default", "dns", "ipv6", "killSwitch"];

function machineFindings(config: Config, name: string): ImportFinding[] {
  const others = Object.keys(config.tunnels).filter((key) => key !== name);
  const { killSwitch, dns, ipv6 } = config;
  const findings = others.map((key) => importNote(`tunnels.${key}`, "is not in the conf, which has one tunnel"));
  const add = (isSet: boolean, path: string, message: string): void => {
    if (isSet) findings.push(importNote(path, message));
  };
  add(killSwitch.enabled, "killSwitch", "is not in the conf: wg-quick has none, so traffic bypasses a lost tunnel");
  const isBlocked = config.default.via.kind === "block";
  add(
    isBlocked,
    "default.via",
    "is not in the conf: wg-quick drops nothing, so traffic without a route into the tunnel bypasses it",
  );
  add(ipv6 === "block", "ipv6", "is not in the conf: with wg-quick IPv6 bypasses a tunnel that does not carry it");
  add(Object.keys(dns?.split ?? {}).length > 0, "dns.split", "is not in the conf: wg-quick sets one list of servers");
  add(dns?.leakProtection === true, "dns.leakProtection", "is not in the conf: programs may use any server");
  add(dns?.blockEncryptedDns === true, "dns.blockEncryptedDns", "is not in the conf");
  for (const [key, value] of Object.entries(config)) {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    add(
      !EXPRESSED.includes(key) && value !== undefined && !isEmpty,
      key,
      "is not in the conf, which cannot express it",
    );
  }
  return findings;
}
