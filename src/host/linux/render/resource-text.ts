import {
  FILE_HEADER,
  GUARD_METRIC,
  LINK_ALIAS_PREFIX,
  RELAY_ADDRESSES,
  ROUTE_PROTOCOL,
  relayPort,
} from "../../../model/ownership.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { classifierLines } from "../../../model/program/classifier-text.ts";
import type { ProxySpec } from "../../../model/relay/proxy.ts";
import type { Resource } from "../../../model/resource.ts";
import type { LinkSpec } from "../../../model/resources/link.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import type { PolicyRule, RoutesSpec } from "../../../model/resources/routes.ts";
import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import { SECRET_OBFUSCATION_KEY } from "../../../uapi/obfuscation.ts";
import { renderNft } from "../nft/render/render-nft.ts";
import { renderTableText } from "./nft-text.ts";

const MAIN_TABLE = 254;

/**
 * Renders what would be loaded for a resource, as commands of the system's own tools; for people, pure. Secrets appear
 * as `(secret)` (law 8).
 *
 * @param devices physical devices, for the egress hook
 */
export function renderResourceText(resource: Resource, devices: readonly string[]): string {
  return `# ${resource.key}\n${bodyOf(resource, devices)}`;
}

function bodyOf(resource: Resource, devices: readonly string[]): string {
  switch (resource.kind) {
    case "link":
      return linkText(resource.spec);
    case "tunnel":
      return tunnelText(resource.spec);
    case "proxy":
      return proxyText(resource.spec);
    case "routes":
      return routesText(resource.spec);
    case "firewall":
      return renderNft(resource.spec, { devices, identity: "rendered", ownedTables: true })
        .map(renderTableText)
        .join("\n");
    case "sysctl":
      return Object.entries(resource.spec.values)
        .map(([name, value]) => `sysctl -w ${name}=${value}`)
        .join("\n");
    case "resolver":
      return resolverText(resource.spec);
    case "service":
      return `# ${resource.spec.path}\n${resource.spec.definition.trimEnd()}`;
    case "autostart":
      return `systemctl ${resource.spec.enabled ? "enable" : "disable"} ${resource.spec.service}`;
    case "classifier":
      return classifierText(resource.spec);
    case "system-extension":
      return `# ${resource.spec.bundle}: only macOS has system extensions`;
  }
}

/** BPF programs have no text of a system's tool; what they decide by has. */
function classifierText(spec: ClassifierSpec): string {
  return ["# BPF programs at the root of cgroup v2:", ...classifierLines(spec)].join("\n# ");
}

/** No tool has words for a relay. */
function proxyText({ number, protocol, address, port, tls }: ProxySpec): string {
  const server = `${protocol}${tls === undefined ? "" : " over TLS"} ${address} port ${port}`;
  return `# relay on ${RELAY_ADDRESSES[4]} and ${RELAY_ADDRESSES[6]} port ${relayPort(number)} to ${server}`;
}

function linkText({ device, type, addresses, mtuBytes, tunnel }: LinkSpec): string {
  const make = type === "tun" ? `ip tuntap add dev ${device} mode tun` : `ip link add dev ${device} type wireguard`;
  return [
    make,
    `ip link set dev ${device} alias ${LINK_ALIAS_PREFIX}${tunnel} mtu ${mtuBytes} up`,
    ...addresses.map((address) => `ip address add ${address} dev ${device} proto ${ROUTE_PROTOCOL}`),
  ].join("\n");
}

function tunnelText({ device, protocol, engine, listenPort, fwmark, peers, obfuscation }: TunnelSpec): string {
  const lines = [`# ${protocol} on ${device}, engine ${engine}`, "[Interface]", "PrivateKey = (secret)"];
  if (listenPort !== 0) lines.push(`ListenPort = ${listenPort}`);
  lines.push(
    `FwMark = 0x${fwmark.toString(16)}`,
    ...Object.entries(obfuscation).map(
      ([key, value]) => `${key} = ${key === SECRET_OBFUSCATION_KEY ? "(secret)" : value}`,
    ),
  );
  for (const peer of peers) {
    lines.push("[Peer]", `PublicKey = ${peer.publicKey}`);
    if (peer.presharedKey !== undefined) lines.push("PresharedKey = (secret)");
    if (peer.endpoint !== undefined) lines.push(`Endpoint = ${peer.endpoint}`);
    if (peer.endpoints !== undefined) lines.push(`# the engine asks ${peer.endpoints.join(", ")}`);
    lines.push(`AllowedIPs = ${peer.allowedIPs.join(", ")}`);
    if (peer.persistentKeepaliveSeconds > 0) lines.push(`PersistentKeepalive = ${peer.persistentKeepaliveSeconds}`);
  }
  return lines.join("\n");
}

function routesText({ table, device, destinations, guards, rules }: RoutesSpec): string {
  const inTable = table === undefined ? "" : ` table ${table}`;
  return [
    ...guards.map(
      (family) =>
        `ip -${family} route add unreachable default${inTable} metric ${GUARD_METRIC} proto ${ROUTE_PROTOCOL}`,
    ),
    ...destinations.map((destination) => `ip route add ${destination} dev ${device}${inTable} proto ${ROUTE_PROTOCOL}`),
    ...rules.map(ruleText),
  ].join("\n");
}

function ruleText({ family, preference, match, table, suppressPrefixLength }: PolicyRule): string {
  const words = [`ip -${family} rule add pref ${preference}`];
  if (match.source !== undefined) words.push(`from ${match.source}`);
  if (match.destination !== undefined) words.push(`to ${match.destination}`);
  if (match.mark !== undefined)
    words.push(`fwmark 0x${match.mark.value.toString(16)}/0x${match.mark.mask.toString(16)}`);
  if (match.uids !== undefined) words.push(`uidrange ${match.uids.from}-${match.uids.to}`);
  if (match.local === true) words.push("iif lo");
  if (match.protocol !== undefined) words.push(`ipproto ${match.protocol}`);
  if (match.sourcePorts !== undefined) words.push(`sport ${match.sourcePorts.from}-${match.sourcePorts.to}`);
  if (match.ports !== undefined) words.push(`dport ${match.ports.from}-${match.ports.to}`);
  words.push(`lookup ${table === MAIN_TABLE ? "main" : table}`);
  if (suppressPrefixLength !== undefined) words.push(`suppress_prefixlength ${suppressPrefixLength}`);
  words.push(`protocol ${ROUTE_PROTOCOL}`);
  return words.join(" ");
}

function resolverText({ method, servers, search, device }: ResolverSpec): string {
  if (method === "resolved")
    return [`resolvectl dns ${device} ${servers.join(" ")}`, `resolvectl domain ${device} ~.`].join("\n");
  const lines = [FILE_HEADER, ...servers.map((server) => `nameserver ${server}`)];
  return [...lines, ...(search.length > 0 ? [`search ${search.join(" ")}`] : [])].join("\n");
}
