import fc from "fast-check";
import { type Packet, PROTOCOL } from "../../../src/model/firewall/packet.ts";
import { type Family, type IpAddress, parseIp, renderIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, markOfPath, PATH_NUMBERS } from "../../../src/model/ownership.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../../src/model/prefix.ts";
import type { FindingKind } from "../../../src/verify/finding.ts";
import type { HeaderPoint } from "../../../src/verify/space/header-point.ts";
import type { Fragment, Tracking } from "../../../src/verify/space/packet-fields.ts";
import { type BytesOf, END_DEVICES, GUEST } from "../../host/linux/nft/two-ends.ts";
import { SERVICE_UID } from "../../model/firewall/policies.ts";
import { asFragment, inTwo, tooBigBytes } from "./sample-bytes.ts";

/** A packet as `packet-sets.script.ts` is asked for it: a header point whose addresses are texts. */
export interface AskedPacket extends Omit<HeaderPoint, "source" | "destination"> {
  readonly hook: "output" | "input" | "forward" | "frame";
  readonly source: string;
  readonly destination: string;
}

/** Which of the packets come through by the sets that verify computes, and what it finds wrong with the ruleset. */
export interface PacketSets {
  readonly verdicts: readonly boolean[];
  readonly kinds: readonly FindingKind[];
}

/** A packet to be sent for real; a frame goes past the IP stack. */
export interface Sample {
  readonly packet: Packet;
  readonly isFrame: boolean;
  /** What it is as a frame; whole when absent. */
  readonly fragment?: Fragment;
  /** Sent in two fragments, which the kernel puts together. */
  readonly isInTwo?: boolean;
  /** What conntrack makes of it; it is the first of its flow when absent. */
  readonly tracking?: Tracking;
  /** The packet of which this one tells that it did not fit. */
  readonly tellsOf?: Packet;
}

const address = (text: string): IpAddress => parseIp(text) as IpAddress;
const HERE: Readonly<Record<Family, readonly string[]>> = {
  4: ["198.51.100.2", "192.168.1.2", "10.8.0.2", "10.9.0.2"],
  6: ["2001:db8:9::2", "fd00:8::2"],
};
/** Both sides of the edges of every prefix and address that the policies name, and places that they do not. */
const THERE: Readonly<Record<Family, readonly string[]>> = {
  4: [
    ...["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.52", "192.0.2.53", "192.0.2.54", "192.0.2.123"],
    ...["198.51.99.255", "198.51.100.0", "198.51.100.9", "198.51.100.255", "198.51.101.0", "203.0.112.255"],
    ...["203.0.113.0", "203.0.113.127", "203.0.113.128", "8.8.8.8", "9.255.255.255", "10.0.0.1", "10.8.0.1"],
    ...["10.8.0.3", "10.255.255.255", "11.0.0.0", "172.16.0.1", "172.31.255.254", "172.32.0.1", "192.167.255.255"],
    ...["192.168.0.0", "192.168.1.1", "192.168.255.254", "192.169.0.0", "169.254.0.9", "100.64.0.1"],
    ...["224.0.0.1", "224.0.0.251", "239.255.255.250", "255.255.255.255"],
  ],
  6: [
    ...["2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8:0:ffff::1", "2001:db8:1::", "2001:db8:1:ffff::5"],
    ...["2001:db8:2::", "2606:4700::1111", "fd00:8::1", "fd00:8::3", "fc00::1", "fdff::1", "fe00::1", "fec0::1"],
    ...["fe80::99", "ff02::1", "ff02::2", "ff02::fb", "ff02::1:2", "ff02::1:ff00:1", "ff05::1", "ff0e::1"],
  ],
};
const NAMED_PORTS = [
  22, 53, 67, 68, 80, 123, 443, 546, 547, 853, 5353, 8000, 8443, 8999, 27_000, 27_100, 51_820, 51_821,
];
const NAMED_USERS = [0, SERVICE_UID, 1000, 1500, 1599, 65_534];
const MARKS = [
  0,
  1,
  ENGINE_MARK,
  ENGINE_MARK | 0x51,
  0x80_0000,
  0x8000_0000,
  0xbf00_0051,
  0xffff_ffff,
  markOfPath(1),
  markOfPath(2),
];

const near = (numbers: readonly number[]) => [
  ...new Set(numbers.flatMap((number) => [number - 1, number, number + 1])),
];
const ports = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...near(NAMED_PORTS)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 65_535 }) },
);
const users = fc.constantFrom(...near(NAMED_USERS).filter((uid) => uid >= 0));
const marks = fc.constantFrom(0, 0, ...MARKS, markOfPath(PATH_NUMBERS.direct), markOfPath(PATH_NUMBERS.block));
const devices = fc.constantFrom(...END_DEVICES);
const hops = fc.constantFrom(1, 64, 254, 255);

const ported = fc.record({ protocol: fc.constantFrom(6, 17, 17, 132), sourcePort: ports, destinationPort: ports });
const other = fc.record({ protocol: fc.constantFrom(47, 50, 89, 103, 253) });
const icmp = (family: Family) =>
  fc.record({
    protocol: fc.constant(family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6),
    icmpType: family === 4 ? fc.constantFrom(8, 13, 42) : fc.constantFrom(128, 130, 133, 134, 135, 136, 137, 143),
  });

function packets(hook: "output" | "input"): fc.Arbitrary<Packet> {
  return fc.constantFrom<Family>(4, 6).chain((family) => {
    const unicast = THERE[family].filter((text) => !/^(22[4-9]|23\d|255|ff)/.test(text));
    const [from, to] = hook === "output" ? [HERE[family], THERE[family]] : [unicast, HERE[family]];
    const sent = { outDevice: devices, uid: users, mark: marks };
    return fc
      .record({
        source: fc.constantFrom(...from),
        destination: fc.constantFrom(...to),
        hopLimit: hops,
        body: fc.oneof(
          { weight: 6, arbitrary: ported as fc.Arbitrary<object> },
          { weight: 1, arbitrary: icmp(family) as fc.Arbitrary<object> },
          { weight: 1, arbitrary: (hook === "output" ? other : ported) as fc.Arbitrary<object> },
        ),
        rest: (hook === "output" ? fc.record(sent) : fc.record({ inDevice: devices })) as fc.Arbitrary<object>,
      })
      .map(({ source, destination, hopLimit, body, rest }) => {
        const ends = { source: address(source), destination: address(destination) };
        return { hook, ...ends, hopLimit, ...body, ...rest } as Packet;
      });
  });
}

/** What the kernel here answers by itself is left out: conntrack then knows the flow. */
const arriving = packets("input").filter(({ icmpType }) => icmpType === undefined);
const frames = fc
  .record({ packet: packets("output"), fragment: fc.constantFrom<Fragment>("whole", "whole", "first", "later") })
  .map(({ packet, fragment }): Sample => ({ packet: { ...packet, outDevice: "eth0" }, isFrame: true, fragment }));

/** By which device this machine forwards a packet to an address. */
export function routeTo(destination: IpAddress): string {
  const host: Prefix = {
    family: destination.family,
    address: destination.value,
    length: destination.family === 4 ? 32 : 128,
  };
  const found = GUEST.routes.find(([prefix]) => {
    const network = parsePrefix(prefix);
    return network !== undefined && prefixContains(network, host);
  });
  return found?.[1] ?? "eth0";
}

/** From a guest to other machines, and from them to it; link-local addresses are forwarded nowhere. */
const crossing: fc.Arbitrary<Sample> = fc.constantFrom<Family>(4, 6).chain((family) => {
  const guest = GUEST.addresses[family === 4 ? 0 : 1];
  const others = THERE[family].filter((text) => !/^(22[4-9]|23\d|255|ff|fe80|169)/.test(text));
  return fc
    .record({
      isOutward: fc.constantFrom(true, true, false),
      other: fc.constantFrom(...others),
      inDevice: devices,
      hopLimit: fc.constantFrom(2, 64, 128),
      body: fc.oneof({ weight: 5, arbitrary: ported as fc.Arbitrary<object> }, { weight: 1, arbitrary: icmp(family) }),
      isInTwo: fc.constantFrom(true, false, false),
    })
    .map(({ isOutward, other, inDevice, hopLimit, body, isInTwo }): Sample => {
      const [source, destination] = (isOutward ? [guest, other] : [other, guest]).map(address) as [
        IpAddress,
        IpAddress,
      ];
      const ways = isOutward
        ? { inDevice: GUEST.device, outDevice: routeTo(destination) }
        : { inDevice, outDevice: GUEST.device };
      const packet = { hook: "forward", source, destination, hopLimit, ...body, ...ways } as Packet;
      return { packet, isFrame: false, isInTwo };
    });
});

/**
 * Packets over the whole header space: sent by processes, arriving from neighbours, forwarded from and to a guest, some of
 * them in fragments, and written past the IP stack, fragments among them.
 */
export const sampleArbitrary: fc.Arbitrary<Sample> = fc.oneof(
  { weight: 6, arbitrary: packets("output").map((packet) => ({ packet, isFrame: false })) },
  {
    weight: 2,
    arbitrary: fc
      .record({ packet: arriving, isInTwo: fc.constantFrom(true, false, false) })
      .map((sample) => ({ ...sample, isFrame: false })),
  },
  { weight: 3, arbitrary: crossing },
  { weight: 2, arbitrary: frames },
);

/** RFC 8200 section 4.5 wants all headers in the first fragment, which TCP's leaves no room for here. */
function comesInTwo({ isInTwo, packet }: Sample): boolean {
  return isInTwo === true && packet.protocol !== PROTOCOL.tcp;
}

/** What is sent of the sample: one packet, or two fragments. */
export function bytesOfSample(sample: Sample): BytesOf {
  const { fragment = "whole", tellsOf } = sample;
  return (packet, magic, id) => {
    if (tellsOf !== undefined) return [tooBigBytes(tellsOf, packet, magic, id)];
    return comesInTwo(sample) ? inTwo(packet, magic, id) : [asFragment(fragment, packet, magic, id)];
  };
}

/** What conntrack makes of a lone packet: SCTP opens a flow by another chunk than the samples carry (RFC 9260 section 5.1). */
function firstTracking({ protocol }: Packet): Tracking {
  return protocol === PROTOCOL.sctp ? "invalid" : "new";
}

/** The sample as the point of the header space that it is; fragments are put together before hooks of the IP stack. */
export function askedOf(sample: Sample): AskedPacket {
  const { packet, isFrame, fragment = "whole", tracking } = sample;
  const bytes = bytesOfSample({ ...sample, isInTwo: false })(packet, "AWGO", 0)[0] ?? new Uint8Array();
  const header = packet.destination.family === 4 ? 20 : fragment === "whole" ? 40 : 48;
  const word = (at: number): number => ((bytes[header + at] ?? 0) << 8) | (bytes[header + at + 1] ?? 0);
  const { hook, source, destination, protocol, hopLimit = 64, uid, mark = 0 } = packet;
  return {
    hook: isFrame ? "frame" : hook,
    source: renderIp(source),
    destination: renderIp(destination),
    in: packet.inDevice ?? "",
    out: packet.outDevice ?? "",
    tracking: tracking ?? (isFrame ? "untracked" : firstTracking(packet)),
    fragment,
    // Every route of the two ends has a gateway.
    hop: "router",
    ...(uid === undefined ? {} : { user: uid }),
    mark,
    protocol,
    length: bytes.length,
    hops: hopLimit,
    word0: word(0),
    word2: word(2),
  };
}
