import type { Config } from "../../src/config/config.ts";
import type { SimulatedPacket } from "../../src/host/simulated/send.ts";
import { ENGINE_MARK } from "../../src/model/ownership.ts";
import { isIn, type OracleFacts } from "./oracle.ts";

/** Where packets go that the configurations speak of: inside and beside every prefix, server and endpoint. */
const DESTINATIONS = [
  "203.0.113.5",
  "198.18.3.4",
  "198.51.100.7",
  "8.8.8.8",
  "10.20.1.1",
  "10.8.0.1",
  "192.168.1.77",
  "192.0.2.53",
  "192.0.2.130",
  "2001:db8:5::1",
  "2001:db8:77::1",
  "2001:db8:9::9",
  "fe80::abcd",
] as const;
const PORTS = [443, 8080, 53, 853, 123, 51_820] as const;
const UIDS = [0, 1000, 1001, 34, 64_174] as const;
const MARKS = [0, 0x0100_0000, ENGINE_MARK, 0x3d00_0000, 0xbf00_0000] as const;

/**
 * A packet by number: the same number is the same packet. Every destination, port, user and mark meets every other;
 * some sockets are bound to a wire, as programs do that want past a tunnel.
 */
export function probe(number: number, wire = "eth0"): SimulatedPacket {
  const pick = <T>(values: readonly T[], divisor: number): T =>
    values[Math.floor(number / divisor) % values.length] as T;
  const destination = pick(DESTINATIONS, 1);
  const bound = Math.floor(number / 7) % 5 === 0;
  return {
    destination,
    protocol: number % 3 === 0 ? 6 : 17,
    sourcePort: 40_000 + (number % 1000),
    destinationPort: pick(PORTS, 13),
    uid: pick(UIDS, 31),
    mark: pick(MARKS, 97),
    ...(bound ? { boundDevice: wire } : {}),
  };
}

/**
 * The packets that our own engines send under a configuration, which must get out once it holds: to an endpoint's first
 * address of a family that the machine has a way out for, IPv6 before IPv4 (RFC 8305 section 4).
 */
export function outerPackets(
  config: Config,
  facts: OracleFacts,
  hasUplink: (family: 4 | 6) => boolean,
): SimulatedPacket[] {
  return Object.values(config.tunnels).flatMap((tunnel) => {
    if (tunnel.protocol !== "wireguard" && tunnel.protocol !== "amneziawg") return [];
    return tunnel.peers.flatMap(({ endpoint }) => {
      if (endpoint === undefined) return [];
      const addresses = facts.hosts[endpoint.host] ?? [endpoint.host];
      const reachable = ([6, 4] as const).filter(hasUplink).flatMap((family) => addresses.filter(isOf(family)));
      const [destination] = reachable;
      if (destination === undefined) return [];
      const outer = { protocol: 17, destinationPort: endpoint.port, uid: facts.serviceUid, mark: ENGINE_MARK };
      return [{ ...outer, destination }];
    });
  });
}

/** Whether the tunnel takes packets for this address at all. */
export function tunnelCarries(config: Config, tunnelKey: string, destination: string): boolean {
  const tunnel = config.tunnels[tunnelKey];
  if (tunnel?.protocol !== "wireguard" && tunnel?.protocol !== "amneziawg") return false;
  if (config.ipv6 === "block" && destination.includes(":")) return false;
  const hasFamily = tunnel.addresses.some((address) => address.includes(":") === destination.includes(":"));
  return hasFamily && tunnel.peers.some(({ allowedIPs }) => isIn(allowedIPs, destination));
}

function isOf(family: 4 | 6): (address: string) => boolean {
  return (address) => address.includes(":") === (family === 6);
}
