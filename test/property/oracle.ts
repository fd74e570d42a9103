import type { Config } from "../../src/config/config.ts";
import type { Rule } from "../../src/config/section/rule.ts";
import type { SimulatedPacket } from "../../src/host/simulated/send.ts";
import { addressOfServer } from "../../src/model/dns/name-server.ts";
import { parseIp } from "../../src/model/ip.ts";
import { ENGINE_MARK, MARK_MASK } from "../../src/model/ownership.ts";
import { parsePrefix, prefixContains } from "../../src/model/prefix.ts";

/**
 * The kill-switch table of the design, told a second time and straight from the configuration: it knows nothing of
 * policies, layers, marks or routes, so that a mistake in expansion, evaluator or order cannot hide in both.
 */

/** What the machine looks like to the oracle. */
export interface OracleFacts {
  readonly serviceUid: number;
  /** Whether packets bear marks; where they do not, the service user alone tells our sockets (S13.1). */
  readonly hasMarks: boolean;
  readonly users: Readonly<Record<string, number>>;
  /** The networks of the wires. */
  readonly wires: readonly string[];
  /** Names to addresses. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
}

/** A path by name: "direct", "block", or a tunnel's key. */
export type Intent = string;

const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
const OF_LINK = ["169.254.0.0/16", "224.0.0.0/24", "255.255.255.255/32", "fe80::/10", "ff02::/16", "ff05::/16"];
const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
  gre: 47,
  esp: 50,
};

/**
 * The path that the configuration gives a packet of a local process.
 *
 * @param isOnLink the kernel sends a packet of a bound IPv4 socket straight to its destination, where no route leads
 */
export function intendedPath(config: Config, facts: OracleFacts, packet: SimulatedPacket, isOnLink = false): Intent {
  const dns = intendedDns(config, packet);
  if (dns !== undefined) return dns;
  if (config.ipv6 === "block" && packet.destination.includes(":")) return "block";
  if (config.dns?.blockEncryptedDns === true && isKnownResolversHttps(packet)) return "block";
  for (const rule of config.rules) if (ruleHolds(rule, facts, packet)) return nameOf(rule.via);
  const { killSwitch } = config;
  const isTunnels = config.default.via.kind === "tunnel" && isIn(networksOfTunnels(config), packet.destination);
  const exceptions = killSwitch.allow.filter(
    ({ remote }) => remote !== undefined || !killSwitch.allowLan || !isTunnels,
  );
  if (exceptions.some((grant) => grantHolds(grant, packet))) return "direct";
  if (killSwitch.allowLan && isTunnels) return nameOf(config.default.via);
  if (killSwitch.allowLan && isLocal(facts, packet.destination, isOnLink)) return "direct";
  return nameOf(config.default.via);
}

/** A private address is local on a wire's own network only: no router leads to it. */
function isLocal({ wires }: OracleFacts, destination: string, isOnLink: boolean): boolean {
  return isIn(OF_LINK, destination) || (isIn(PRIVATE, destination) && (isOnLink || isIn(wires, destination)));
}

/** What is private and a tunnel's, by its addresses, its peers, or the servers asked through it: no local network. */
function networksOfTunnels({ tunnels, dns }: Config): string[] {
  const texts: string[] = [];
  for (const tunnel of Object.values(tunnels)) {
    if (!tunnel.enabled || (tunnel.protocol !== "wireguard" && tunnel.protocol !== "amneziawg")) continue;
    texts.push(...tunnel.addresses.filter((text) => !/^[^:]*\/32$|\/128$/.test(text)));
    texts.push(...tunnel.peers.flatMap(({ allowedIPs }) => allowedIPs));
  }
  if (dns?.via.kind === "tunnel")
    texts.push(...[...dns.servers, ...Object.values(dns.split).flat()].map(addressOfServer));
  return texts.filter(
    (text) => /^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|f[cd])/.test(text) && !/\/[0-7]$/.test(text),
  );
}

/** Whether the packet may leave a wire under this configuration, perhaps without a router. */
export function mayLeave(config: Config, facts: OracleFacts, packet: SimulatedPacket, gateway?: string): boolean {
  if (isOwnOuter(config, facts, packet)) return true;
  const isOnLink = packet.boundDevice !== undefined && gateway === undefined;
  const path = intendedPath(config, facts, packet, isOnLink);
  if (path === "direct") return true;
  if (path === "block") return false;
  return !config.killSwitch.enabled && intendedDns(config, packet) === undefined;
}

/** Our own sockets: tunnels to their endpoints and from their listening ports, bootstrap DNS. */
export function isOwnOuter(config: Config, facts: OracleFacts, packet: SimulatedPacket): boolean {
  if (packet.uid !== facts.serviceUid) return false;
  const { protocol, destination, destinationPort } = packet;
  if (isDns(packet) && destinationPort === 53 && (config.dns?.bootstrap.includes(destination) ?? false)) return true;
  if (facts.hasMarks && ((packet.mark ?? 0) & MARK_MASK) !== ENGINE_MARK) return false;
  if (protocol !== 17) return false;
  return Object.values(config.tunnels).some((tunnel) => {
    if (tunnel.protocol !== "wireguard" && tunnel.protocol !== "amneziawg") return false;
    if (tunnel.listenPort !== 0 && tunnel.listenPort === packet.sourcePort) return true;
    return tunnel.peers.some(({ endpoint }) => {
      if (endpoint === undefined || endpoint.port !== destinationPort) return false;
      return endpoint.host === destination || (facts.hosts[endpoint.host]?.includes(destination) ?? false);
    });
  });
}

function intendedDns({ dns }: Config, packet: SimulatedPacket): Intent | undefined {
  if (dns === undefined || !isDns(packet)) return undefined;
  if (dns.servers.includes(packet.destination)) return nameOf(dns.via);
  if (dns.leakProtection) return "block";
  return dns.blockEncryptedDns && packet.destinationPort === 853 ? "block" : undefined;
}

/** One of those that `dns.blockEncryptedDns` is about; the probes send to no other of them. */
function isKnownResolversHttps({ protocol, destination, destinationPort }: SimulatedPacket): boolean {
  return (protocol === 17 || protocol === 6) && destinationPort === 443 && destination === "8.8.8.8";
}

function isDns({ protocol, destinationPort }: SimulatedPacket): boolean {
  return (protocol === 17 || protocol === 6) && (destinationPort === 53 || destinationPort === 853);
}

function ruleHolds(rule: Rule, facts: OracleFacts, packet: SimulatedPacket): boolean {
  const { users, destinations, ports, protocol } = rule;
  if (users !== undefined && !users.some((user) => facts.users[user] === packet.uid)) return false;
  if (protocol !== undefined && !protocol.some((name) => PROTOCOLS[name] === packet.protocol)) return false;
  const port = packet.destinationPort;
  if (ports !== undefined && !ports.some(({ from, to }) => port !== undefined && port >= from && port <= to)) {
    return false;
  }
  if (destinations === undefined) return true;
  const prefixes = destinations.flatMap((destination) => (destination.kind === "prefix" ? [destination.prefix] : []));
  return isIn(prefixes, packet.destination);
}

function grantHolds(grant: Config["killSwitch"]["allow"][number], packet: SimulatedPacket): boolean {
  if (grant.direction !== "out") return false;
  const port = packet.destinationPort;
  if (grant.protocol !== undefined && PROTOCOLS[grant.protocol] !== packet.protocol) return false;
  if (grant.remote !== undefined && !isIn(grant.remote, packet.destination)) return false;
  return grant.ports?.some(({ from, to }) => port !== undefined && port >= from && port <= to) ?? true;
}

function nameOf(via: Config["default"]["via"]): Intent {
  return via.kind === "tunnel" ? via.tunnel : via.kind;
}

/** Whether an address, as text, is in one of the prefixes. */
export function isIn(prefixes: readonly string[], address: string): boolean {
  const ip = parseIp(address);
  if (ip === undefined) throw new TypeError(`"${address}" is no address`);
  const inner = { family: ip.family, address: ip.value, length: ip.family === 4 ? 32 : 128 };
  return prefixes.some((text) => {
    const outer = parsePrefix(text);
    return outer !== undefined && prefixContains(outer, inner);
  });
}
