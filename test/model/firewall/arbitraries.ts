import fc from "fast-check";
import { type Packet, PORTED_PROTOCOLS } from "../../../src/model/firewall/packet.ts";
import type {
  AllowGrant,
  DnsPolicy,
  FirewallPolicy,
  FlowMatch,
  PathRef,
  PolicyLayer,
  PolicyTunnel,
} from "../../../src/model/firewall/policy.ts";
import { type IpAddress, parseIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, ORPHANED, UNCLASSIFIED } from "../../../src/model/ownership.ts";

/** Few values that meet often: every policy speaks of some, every packet carries some. */
const ADDRESSES = {
  4: [
    "10.8.0.2",
    "10.9.0.2",
    "10.8.0.1",
    "192.0.2.1",
    "192.0.2.53",
    "198.51.100.7",
    "198.51.100.200",
    "203.0.113.5",
    "8.8.8.8",
    "192.168.1.1",
    "172.16.5.5",
    "169.254.1.1",
    "224.0.0.251",
    "255.255.255.255",
  ],
  6: [
    "fd00:8::2",
    "fd00:8::1",
    "2001:db8::1",
    "2001:db8:1::5",
    "2001:db8:2::5",
    "2606:4700::1111",
    "fe80::1",
    "fe80::2",
    "ff02::1",
    "ff02::2",
    "ff02::1:2",
    "ff02::1:ff00:1",
    "fd12::1",
  ],
} as const;
const PREFIXES = [
  "0.0.0.0/0",
  "::/0",
  "8.8.8.8/32",
  "198.51.100.0/24",
  "198.51.100.0/25",
  "203.0.113.0/24",
  "192.168.0.0/16",
  "10.0.0.0/8",
  "2001:db8:1::/48",
  "2001:db8::/32",
  "2606:4700::1111/128",
  "fd00::/8",
  "fe80::/10",
];
const PORTS = [22, 53, 67, 68, 80, 123, 443, 546, 547, 853, 8080, 27_000, 51_820, 51_821, 40_000];
const UIDS = [0, 977, 1000, 1500, 1599, 1600];
const CLASS_NUMBERS = [1, 2, 200];
/** Marks with those classes, and with one that no rule has. */
const CLASSED = [0x20, 0x40, 0x0100_0040, 0x1900, 0xe1, 0x0100_00e0];
const PROTOCOLS = [1, 6, 6, 6, 17, 17, 17, 33, 47, 58, 58, 132, 136];
const TUNNELS: readonly PolicyTunnel[] = [
  { device: "awg-office", number: 1, addresses: ["10.8.0.2", "fd00:8::2"], families: [4, 6] },
  { device: "awg-proxy", number: 2, addresses: ["10.9.0.2"], families: [4] },
  { device: "awg-third", number: 1, addresses: [], families: [6] },
];
const DEVICES = ["lo", "eth0", "eth0", "eth0", "wlan0", "awg-office", "awg-office", "awg-proxy", "awg-third"];

const pick = <T>(values: readonly T[]) => fc.constantFrom(...values);
const some = <T>(values: readonly T[], max = 3) => fc.subarray([...values], { maxLength: max });
const range = (values: readonly number[]) =>
  fc.tuple(pick(values), pick(values)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const absentOr = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });

function withoutAbsent<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}

/** Addresses of both families that the generated policies speak of. */
export const addressArbitrary: fc.Arbitrary<IpAddress> = fc
  .constantFrom(...ADDRESSES[4], ...ADDRESSES[6])
  .map((text) => parseIp(text) as IpAddress);

const pathArbitrary: fc.Arbitrary<PathRef> = fc.oneof(
  fc.constant<PathRef>({ kind: "direct" }),
  fc.constant<PathRef>({ kind: "block" }),
  pick(TUNNELS).map(({ device, number }): PathRef => ({ kind: "tunnel", device, number })),
);

const MATCHED = {
  destinations: absentOr(some(PREFIXES)),
  protocol: absentOr(pick([6, 17, 1, 132])),
  ports: absentOr(fc.array(range(PORTS), { maxLength: 3 })),
  uids: absentOr(fc.array(range(UIDS), { maxLength: 2 })),
};
const CLASSES = {
  classes: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: some(CLASS_NUMBERS).map((numbers) => ({ in: numbers })) },
    { weight: 1, arbitrary: some(CLASS_NUMBERS, 2).map((numbers) => ({ otherThan: numbers })) },
    { weight: 1, arbitrary: pick([UNCLASSIFIED, ORPHANED]).map((number) => ({ in: [number] })) },
  ),
};
/** What rules match; PF sees no class of a program. */
const MATCHES: Readonly<Record<"nft" | "pf", fc.Arbitrary<FlowMatch>>> = {
  nft: fc.record({ ...MATCHED, ...CLASSES }).map(withoutAbsent),
  pf: fc.record(MATCHED).map(withoutAbsent),
};

const flowsArbitrary = (match: fc.Arbitrary<FlowMatch>) =>
  fc.record({
    rules: fc
      .array(fc.record({ match, path: pathArbitrary }), { maxLength: 5 })
      .map((rules) => rules.map((rule, index) => ({ origin: `rules/${index} (r)`, ...rule }))),
    default: pathArbitrary,
  });

const allowArbitrary: fc.Arbitrary<AllowGrant> = fc
  .record({
    direction: pick(["in", "out"] as const),
    protocol: absentOr(pick([6, 17])),
    ports: absentOr(fc.array(range(PORTS), { maxLength: 2 })),
    prefixes: absentOr(some(PREFIXES)),
  })
  .map(withoutAbsent);

const dnsArbitrary: fc.Arbitrary<DnsPolicy> = fc.record({
  leakProtection: fc.boolean(),
  servers: some(["10.8.0.1", "8.8.8.8", "192.168.1.1", "fd00:8::1", "2606:4700::1111"]),
  path: pathArbitrary,
  blockEncrypted: fc.boolean(),
});

type Flows = ReturnType<typeof flowsArbitrary>;

const plainLayerArbitrary = (flows: Flows): fc.Arbitrary<PolicyLayer> =>
  fc.record({
    killSwitch: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    tunnels: fc.subarray([...TUNNELS]),
    flows,
    endpoints: fc.subarray([
      { address: "192.0.2.1", port: 51_820, protocol: 17 as const },
      { address: "2001:db8::1", port: 443, protocol: 6 as const },
      { address: "8.8.8.8", port: 53, protocol: 17 as const },
    ]),
    listens: fc.subarray([{ port: 51_821 }, { port: 443 }]),
    bootstrapDns: fc.subarray(["192.0.2.53", "8.8.8.8", "2606:4700::1111"]),
    serviceUid: pick([977, 977, 977, 0]),
    allowLan: fc.boolean(),
    allow: fc.array(allowArbitrary, { maxLength: 3 }),
    dns: fc.option(dnsArbitrary, { nil: null }),
  });

/** Some with an engine that was taken over from another program: it runs as root, or as a person. */
const layerArbitrary = (flows: Flows): fc.Arbitrary<PolicyLayer> =>
  fc
    .tuple(plainLayerArbitrary(flows), pick([undefined, undefined, undefined, [0], [1000]] as const))
    .map(([layer, adoptedUids]) => (adoptedUids === undefined ? layer : { ...layer, adoptedUids }));

const steadyOf = (flows: Flows): fc.Arbitrary<FirewallPolicy> =>
  layerArbitrary(flows).map((layer) => ({ steering: layer.flows, layers: [layer] }));

const policyOf = (flows: Flows): fc.Arbitrary<FirewallPolicy> =>
  fc.oneof(
    { weight: 3, arbitrary: steadyOf(flows) },
    {
      weight: 1,
      arbitrary: fc.record({ steering: flows, layers: fc.array(layerArbitrary(flows), { maxLength: 3 }) }),
    },
  );

/** A policy in a steady state: one layer, steered as it says. */
export const steadyPolicyArbitrary = steadyOf(flowsArbitrary(MATCHES.nft));

/** Any policy: steady ones, and several layers under any steering. */
export const policyArbitrary = policyOf(flowsArbitrary(MATCHES.nft));

/** Any policy that macOS may have. */
export const pfPolicyArbitrary = policyOf(flowsArbitrary(MATCHES.pf));

const PLACES = [
  ...DEVICES.map((outDevice) => ({ hook: "output" as const, outDevice })),
  ...DEVICES.map((outDevice) => ({ hook: "output" as const, outDevice })),
  ...DEVICES.map((inDevice) => ({ hook: "input" as const, inDevice })),
  ...DEVICES.flatMap((inDevice) =>
    DEVICES.map((outDevice) => ({ hook: "forward" as const, inDevice, outDevice })),
  ).filter(({ inDevice, outDevice }, index) => index % 5 === 0 && inDevice !== "lo" && outDevice !== "lo"),
];
const OURS = { hook: "output", outDevice: "eth0", uid: 977, mark: ENGINE_MARK | 0x51 } as const;
/** DHCP, NDP, our own sockets and near misses of them are too rare to be met by chance. */
const SHAPES = [
  {
    ...OURS,
    source: "192.168.1.1",
    destination: "192.0.2.1",
    protocol: 17,
    sourcePort: 40_000,
    destinationPort: 51_820,
  },
  { ...OURS, source: "192.168.1.1", destination: "192.0.2.1", protocol: 17, sourcePort: 51_821, destinationPort: 443 },
  { ...OURS, source: "2001:db8:2::5", destination: "2001:db8::1", protocol: 6, sourcePort: 443, destinationPort: 443 },
  {
    ...OURS,
    source: "192.168.1.1",
    destination: "192.0.2.53",
    protocol: 17,
    sourcePort: 443,
    destinationPort: 53,
    mark: 0,
  },
  {
    ...OURS,
    source: "192.168.1.1",
    destination: "8.8.8.8",
    protocol: 17,
    sourcePort: 443,
    destinationPort: 53,
    uid: 1000,
  },
  { ...OURS, source: "10.8.0.2", destination: "192.0.2.1", protocol: 17, sourcePort: 443, destinationPort: 51_820 },
  { ...OURS, source: "192.168.1.1", destination: "192.0.2.1", protocol: 17, laterFragment: true },
  {
    hook: "input",
    inDevice: "eth0",
    source: "192.0.2.1",
    destination: "192.168.1.1",
    protocol: 17,
    sourcePort: 51_820,
    destinationPort: 123,
  },
  {
    hook: "input",
    inDevice: "eth0",
    source: "192.0.2.53",
    destination: "192.168.1.1",
    protocol: 17,
    sourcePort: 53,
    destinationPort: 123,
  },
  ...[true, undefined].flatMap((related) => [
    { source: "198.51.100.1", destination: "192.168.1.1", protocol: 1, icmpType: 3, related },
    { source: "2001:db8:2::1", destination: "2001:db8:1::5", protocol: 58, icmpType: 2, related },
    { source: "198.51.100.1", destination: "192.168.1.1", protocol: 1, icmpType: 8, related },
    { source: "192.168.1.1", destination: "192.168.1.2", protocol: 1, icmpType: 5, related },
    { source: "fe80::1", destination: "2001:db8:1::5", protocol: 58, icmpType: 137, hopLimit: 255, related },
  ]),
  { source: "192.168.1.1", destination: "255.255.255.255", protocol: 17, sourcePort: 68, destinationPort: 67 },
  { source: "192.168.1.1", destination: "255.255.255.255", protocol: 17, sourcePort: 67, destinationPort: 68 },
  { source: "fe80::1", destination: "ff02::1:2", protocol: 17, sourcePort: 546, destinationPort: 547 },
  { source: "fe80::1", destination: "fe80::2", protocol: 17, sourcePort: 547, destinationPort: 546 },
  { source: "fe80::1", destination: "ff02::2", protocol: 58, icmpType: 133, hopLimit: 255 },
  { source: "fe80::2", destination: "ff02::1", protocol: 58, icmpType: 134, hopLimit: 255 },
  { source: "2001:db8:2::5", destination: "ff02::1:ff00:1", protocol: 58, icmpType: 135, hopLimit: 255 },
  { source: "2001:db8:2::5", destination: "2001:db8:1::5", protocol: 58, icmpType: 136, hopLimit: 255 },
  { source: "fd00:8::2", destination: "fe80::2", protocol: 58, icmpType: 136, hopLimit: 255 },
] as const;

const MARKS = [0, 0, ENGINE_MARK, ENGINE_MARK | 0x51, 0x0100_0000, 0x8000_0001, 0xbf00_0051, 0x3d00_0000];
const placeArbitrary = (marks: readonly number[]) =>
  fc.record({
    place: pick(PLACES),
    uid: fc.option(pick(UIDS), { nil: undefined, freq: 3 }),
    mark: pick(marks),
    reply: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constant(true as const) },
    ),
  });

/** Types of ICMP and ICMPv6, with the codes that rules ask for (S5.5). */
const ICMP_KINDS: readonly Pick<Packet, "icmpType" | "icmpCode">[] = [
  ...[0, 5, 8, 128, 133, 134, 135, 136, 137].map((icmpType) => ({ icmpType })),
  ...[3, 11].flatMap((icmpType) => [{ icmpType }, { icmpType, icmpCode: 1 }]),
];

const anyBody = fc
  .record({
    source: addressArbitrary,
    destinationIndex: fc.nat({ max: 1000 }),
    protocol: pick(PROTOCOLS),
    sourcePort: pick(PORTS),
    destinationPort: pick(PORTS),
    icmp: pick(ICMP_KINDS),
    hopLimit: pick([undefined, undefined, 255]),
    laterFragment: pick([undefined, undefined, undefined, undefined, true] as const),
  })
  .map(({ destinationIndex, sourcePort, destinationPort, icmp: kind, ...body }) => {
    const pool = ADDRESSES[body.source.family];
    const whole = body.laterFragment === undefined;
    const ports = whole && PORTED_PROTOCOLS.includes(body.protocol) ? { sourcePort, destinationPort } : {};
    const icmp = whole && [1, 58].includes(body.protocol) ? kind : {};
    return {
      ...body,
      ...ports,
      ...icmp,
      destination: parseIp(pool[destinationIndex % pool.length] ?? "") as IpAddress,
    };
  });

const shapedBody = pick(SHAPES).map((shape) => ({
  ...shape,
  source: parseIp(shape.source) as IpAddress,
  destination: parseIp(shape.destination) as IpAddress,
}));

const packetOf = (marks: readonly number[]): fc.Arbitrary<Packet> =>
  fc
    .tuple(
      placeArbitrary(marks),
      fc.oneof(
        { weight: 8, arbitrary: anyBody as fc.Arbitrary<object> },
        { weight: 1, arbitrary: shapedBody as fc.Arbitrary<object> },
      ),
    )
    .map(([{ place, uid, mark, reply }, body]) => {
      if ("hook" in body) return body as unknown as Packet;
      const own =
        place.hook === "output" ? { uid, mark } : place.hook === "forward" ? { mark: uid === 0 ? 0x21 : 0 } : {};
      return withoutAbsent({ ...place, ...own, reply, ...body }) as unknown as Packet;
    });

/** Packets of all hooks that the generated policies have something to say about. */
export const packetArbitrary = packetOf([...MARKS, ...CLASSED]);

/** The same without classes of programs. */
export const unclassedPacketArbitrary = packetOf(MARKS);

/** Gives every third packet more bytes than any solicitation has. */
export function oneOfThreeLong(packet: Packet, index: number): Packet {
  return index % 3 === 0 ? { ...packet, bytes: 960 } : packet;
}
