import fc from "fast-check";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import { type IpAddress, parseIp } from "../../../../src/model/ip.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { SERVICE_UID } from "../../../model/firewall/policies.ts";
import { END_DEVICES } from "./two-ends.ts";

const addresses = (...texts: string[]) => fc.constantFrom(...texts.map((text) => parseIp(text) as IpAddress));
const HERE = {
  4: addresses("198.51.100.2", "192.168.1.2", "10.8.0.2", "10.9.0.2"),
  6: addresses("2001:db8:9::2", "fd00:8::2"),
};
const THERE = {
  4: addresses(
    ...["192.0.2.1", "192.0.2.9", "192.0.2.53", "192.0.2.123", "198.51.100.9", "203.0.113.5"],
    ...["8.8.8.8", "192.168.1.1", "10.8.0.1"],
  ),
  6: addresses("2001:db8::1", "2001:db8:1::5", "2606:4700::1111", "fd00:8::1", "fd12::1"),
};
const MULTICAST = {
  4: addresses("224.0.0.251", "255.255.255.255"),
  6: addresses("ff02::1", "ff02::2", "ff02::1:ff00:1", "ff02::1:2"),
};
const ports = fc.constantFrom(22, 53, 67, 68, 80, 123, 443, 546, 547, 853, 8080, 27_000, 51_820, 51_821, 40_000);
const whole = fc.record({ protocol: fc.constantFrom(6, 17, 17, 132), sourcePort: ports, destinationPort: ports });
const icmp = (family: 4 | 6) =>
  fc.record({
    protocol: fc.constant(family === 4 ? 1 : 58),
    icmpType: family === 4 ? fc.constant(8) : fc.constantFrom(128, 133, 135, 136),
    hopLimit: fc.constantFrom(64, 255),
  });
const body = (family: 4 | 6): fc.Arbitrary<object> =>
  fc.oneof({ weight: 5, arbitrary: whole as fc.Arbitrary<object> }, { weight: 1, arbitrary: icmp(family) });
const family = fc.constantFrom(4 as const, 6 as const);
const device = fc.constantFrom(...END_DEVICES);

const outgoing = family.chain((which) =>
  fc
    .record({
      source: HERE[which],
      destination: fc.oneof({ weight: 6, arbitrary: THERE[which] }, { weight: 1, arbitrary: MULTICAST[which] }),
      body: body(which),
      outDevice: device,
      uid: fc.constantFrom(0, SERVICE_UID, SERVICE_UID, 1000, 1500, 1599, 1600),
      mark: fc.constantFrom(0, 0, ENGINE_MARK, ENGINE_MARK | 0x51),
    })
    .map(({ body: fields, ...rest }) => ({ hook: "output", ...fields, ...rest }) as unknown as Packet),
);

const arriving = family.chain((which) =>
  fc
    .record({ source: THERE[which], destination: HERE[which], body: body(which), inDevice: device })
    .map(({ body: fields, ...rest }) => ({ hook: "input", ...fields, ...rest }) as unknown as Packet)
    // Echo requests make the kernel answer, which conntrack then knows; all else is one-sided.
    .filter((packet) => packet.icmpType !== 128 && packet.icmpType !== 8),
);

const ENGINE_PACKET: Packet = {
  hook: "output",
  outDevice: "eth0",
  source: parseIp("198.51.100.2") as IpAddress,
  destination: parseIp("192.0.2.1") as IpAddress,
  protocol: 17,
  sourcePort: 40_000,
  destinationPort: 51_820,
  uid: SERVICE_UID,
  mark: ENGINE_MARK,
};
const BROADCAST = parseIp("255.255.255.255") as IpAddress;
const LINK_LOCAL = parseIp("fe80::9") as IpAddress;
const DHCP: Packet = { ...ENGINE_PACKET, destination: BROADCAST, sourcePort: 68, destinationPort: 67, uid: 0, mark: 0 };
const { sourcePort: _source, destinationPort: _destination, ...PORTLESS } = ENGINE_PACKET;
const SOLICIT: Packet = { ...PORTLESS, source: LINK_LOCAL, destination: LINK_LOCAL, protocol: 58, hopLimit: 255 };
/** Our own sockets and the link's traffic, and near misses of them. */
const shaped = fc.constantFrom<Packet>(
  ENGINE_PACKET,
  { ...ENGINE_PACKET, uid: 1000 },
  { ...ENGINE_PACKET, mark: 0 },
  { ...ENGINE_PACKET, destinationPort: 51_819 },
  { ...ENGINE_PACKET, outDevice: "awg-office" },
  DHCP,
  { ...DHCP, sourcePort: 69 },
  { ...SOLICIT, destination: parseIp("ff02::2") as IpAddress, icmpType: 133 },
  { ...SOLICIT, destination: parseIp("ff02::1:ff00:7") as IpAddress, icmpType: 135 },
  { ...SOLICIT, destination: parseIp("2001:db8:1::5") as IpAddress, icmpType: 135 },
);

/** Packets that a process can send, or a neighbour, by one of the devices; none is an answer, none a fragment. */
export const realPacketArbitrary: fc.Arbitrary<Packet> = fc.oneof(
  { weight: 6, arbitrary: outgoing },
  { weight: 3, arbitrary: arriving },
  { weight: 1, arbitrary: shaped },
);

/** What a process can write past the IP stack, later fragments among it. */
export const rawPacketArbitrary: fc.Arbitrary<Packet> = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: outgoing }, { weight: 1, arbitrary: shaped }), fc.nat({ max: 4 }))
  .map(([packet, chance]) => {
    const { sourcePort: _from, destinationPort: _to, icmpType: _type, ...portless } = packet;
    return { ...(chance === 0 ? { ...portless, laterFragment: true } : packet), outDevice: "eth0" };
  });
