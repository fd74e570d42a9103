import type { Packet } from "../../../../src/model/firewall/packet.ts";
import { PORTED_PROTOCOLS, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import { ipToBytes } from "../../../../src/model/ip.ts";

const FRAGMENT = 44;

/** The packet as bytes, ending in a magic word and its number. */
export function packetBytes(packet: Packet, magic: "AWGO" | "AWGI", id: number): Uint8Array {
  const tail = new Uint8Array(8);
  tail.set(new TextEncoder().encode(magic));
  new DataView(tail.buffer).setUint32(4, id);
  const transport = Uint8Array.of(...transportHeader(packet, tail.length), ...tail);
  if (packet.laterFragment) return Uint8Array.of(...networkHeader(packet, transport.length), ...transport);
  if (packet.protocol === PROTOCOL.tcp) putChecksum(transport, 16, pseudo(packet, transport));
  if (packet.protocol === PROTOCOL.udp) putChecksum(transport, 6, pseudo(packet, transport));
  if (packet.protocol === PROTOCOL.icmp) putChecksum(transport, 2, transport);
  if (packet.protocol === PROTOCOL.icmpv6) putChecksum(transport, 2, pseudo(packet, transport));
  return Uint8Array.of(...networkHeader(packet, transport.length), ...transport);
}

/** What stands in a later fragment where whole packets have their ports: DNS and SSH, to whoever reads it so. */
export const FRAGMENT_JUNK = Uint8Array.of(0, 53, 0, 53, 0, 22, 0, 22);

function transportHeader(packet: Packet, payload: number): number[] {
  if (packet.laterFragment) return [...fragmentHeader(packet), ...FRAGMENT_JUNK];
  const { protocol, sourcePort = 0, destinationPort = 0, icmpType = 0, icmpCode = 0 } = packet;
  const ports = [sourcePort >> 8, sourcePort & 255, destinationPort >> 8, destinationPort & 255];
  const SYN = 0x02;
  if (protocol === PROTOCOL.tcp) return [...ports, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN, 0xff, 0xff, 0, 0, 0, 0];
  if (protocol === PROTOCOL.udp) return [...ports, 0, 8 + payload, 0, 0];
  if (PORTED_PROTOCOLS.includes(protocol)) return [...ports, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 12];
  return [icmpType, icmpCode, 0, 0, 0, 1, 0, 1, ...new Array<number>(16).fill(0)];
}

/** RFC 8200 section 4.5: an offset of 1,448 bytes, the last fragment. */
function fragmentHeader(packet: Packet): number[] {
  return packet.destination.family === 6 ? [packet.protocol, 0, 0x05, 0xa8, 0, 0, 0, 1] : [];
}

function networkHeader(packet: Packet, length: number): number[] {
  const addresses = [...ipToBytes(packet.source), ...ipToBytes(packet.destination)];
  const hops = packet.hopLimit ?? 64;
  if (packet.destination.family === 6) {
    return [
      0x60,
      0,
      0,
      0,
      length >> 8,
      length & 255,
      packet.laterFragment ? FRAGMENT : packet.protocol,
      hops,
      ...addresses,
    ];
  }
  const total = 20 + length;
  const offset = packet.laterFragment ? 181 : 0;
  const header = Uint8Array.of(
    0x45,
    0,
    total >> 8,
    total & 255,
    0,
    1,
    0,
    offset,
    hops,
    packet.protocol,
    0,
    0,
    ...addresses,
  );
  putChecksum(header, 10, header);
  return [...header];
}

function pseudo(packet: Packet, transport: Uint8Array): Uint8Array {
  const addresses = [...ipToBytes(packet.source), ...ipToBytes(packet.destination)];
  return Uint8Array.of(...addresses, 0, 0, 0, transport.length, 0, 0, 0, packet.protocol, ...transport);
}

/** RFC 1071; over the pseudo header of RFC 8200 section 8.1, which sums up to that of IPv4 here. */
export function putChecksum(into: Uint8Array, offset: number, over: Uint8Array): void {
  let sum = 0;
  for (const [index, byte] of over.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  into.set([(~sum >> 8) & 255, ~sum & 255], offset);
}
