import { canonicalAddress, type Dissected, etherTypes, protocols } from "./dissect.ts";

/** A kind of packet that may leave in clear (chapters S2 and S3). */
export interface Exception {
  readonly name: string;
  allows(packet: Dissected): boolean;
}

/** ARP that speaks of these addresses only (0.0.0.0 is the probe of RFC 5227). A tunnel's address there is a leak. */
export function arpOf(addresses: readonly string[]): Exception {
  const allowed = new Set([...addresses, "0.0.0.0"]);
  return {
    name: "arp",
    allows: (packet) => packet.etherType === etherTypes.arp && allowed.has(packet.arpSender ?? ""),
  };
}

const neighbourDiscoveryTypes = new Set([133, 135, 136]);

/**
 * Router solicitation, neighbour solicitation and advertisement (RFC 4861: hop limit 255) from the given addresses,
 * from link-local ones, or from :: (duplicate address detection), with nothing of a probe in them.
 */
export function neighbourDiscoveryOf(addresses: readonly string[]): Exception {
  const allowed = new Set([...addresses.map(canonicalAddress), canonicalAddress("::")]);
  return {
    name: "ndp",
    allows: (packet) =>
      packet.protocol === protocols.icmpv6 &&
      neighbourDiscoveryTypes.has(packet.icmpType ?? -1) &&
      packet.hopLimit === 255 &&
      (allowed.has(packet.source ?? "") || isLinkLocal(packet.source ?? "")),
  };
}

const nameServicePorts = new Set([53, 853]);

/** Everything to these addresses but DNS, which is judged first (attack A9). */
export function localNetwork(addresses: readonly string[]): Exception {
  const allowed = new Set(addresses.map(canonicalAddress));
  return {
    name: "lan",
    allows: (packet) => allowed.has(packet.destination ?? "") && !nameServicePorts.has(packet.destinationPort ?? -1),
  };
}

/** IPv4 and IPv6 multicast and the limited broadcast, but DNS. */
export const multicast: Exception = {
  name: "multicast",
  allows: (packet) => isMulticast(packet.destination ?? "") && !nameServicePorts.has(packet.destinationPort ?? -1),
};

/** Packets to one service. */
export function service(protocol: "tcp" | "udp", address: string, port: number): Exception {
  const destination = canonicalAddress(address);
  return {
    name: `${protocol} ${address} port ${port}`,
    allows: (packet) =>
      packet.protocol === protocols[protocol] && packet.destination === destination && packet.destinationPort === port,
  };
}

function isLinkLocal(address: string): boolean {
  return address.startsWith("fe80:");
}

function isMulticast(address: string): boolean {
  if (address.includes(":")) return address.startsWith("ff");
  const first = Number(address.split(".")[0]);
  return (first >= 224 && first <= 239) || address === "255.255.255.255";
}
