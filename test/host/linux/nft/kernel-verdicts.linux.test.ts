import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderBootTable } from "../../../../src/host/linux/nft/render/boot-table.ts";
import { renderNft } from "../../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../../src/host/linux/nft/render/rendered-table.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { NDP } from "../../../../src/model/firewall/link-traffic.ts";
import { type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import { type IpAddress, parseIp } from "../../../../src/model/ip.ts";
import { ENGINE_MARK, markOfPath } from "../../../../src/model/ownership.ts";
import { BLOCK, DIRECT, LAPTOP, layerOf, OFFICE, policyOf, UNNAMED } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../../support/netns.ts";
import { SEED } from "../../../support/seeded.ts";
import { runChain } from "./interpreter.ts";
import { rawPacketArbitrary, realPacketArbitrary } from "./real-packets.ts";
import {
  type BytesOf,
  describePacket,
  END_DEVICES,
  makeMacvlanGuest,
  makeTwoEnds,
  NEIGHBOUR,
  type Numbered,
  type RawFrame,
  rawFrameOf,
  type TwoEnds,
} from "./two-ends.ts";
import { FRAGMENT_JUNK, packetBytes } from "./wire-packet.ts";

const PACKETS_EACH = 450;
const RAW_FRAMES = 600;
const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3");

const direct = { rules: [], default: DIRECT };
const changed: FirewallPolicy = policyOf({
  endpoints: [{ address: "192.0.2.9", port: 51_820, protocol: 17 }],
  allowLan: true,
  flows: {
    rules: [{ origin: "rules/0 (x)", match: { uids: [{ from: 1000, to: 1000 }] }, path: DIRECT }],
    default: OFFICE,
  },
});
const dns = { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: false };
const inclusive = { ...direct, rules: LAPTOP.steering.rules };
const blocking = { rules: [], default: BLOCK };
const POLICIES: readonly (readonly [string, FirewallPolicy])[] = [
  ["the laptop's", LAPTOP],
  ["one that names no users, whose verdicts are remembered", UNNAMED],
  ["an inclusive one that names no users", policyOf({ ...UNNAMED.layers[0], flows: direct })],
  ["an inclusive one", policyOf({ flows: inclusive, dns })],
  ["the blocked one", policyOf({ flows: blocking, endpoints: [] })],
  ["one without the kill switch", policyOf({ killSwitch: false, flows: inclusive, dns })],
  ["a blocking one without the kill switch", policyOf({ ...LAPTOP.layers[0], killSwitch: false, flows: blocking })],
  ["the one between two", between(LAPTOP, changed) as FirewallPolicy],
  ["two layers under the old steering", { steering: direct, layers: [layerOf({ flows: direct }), ...LAPTOP.layers] }],
];

describe.skipIf(obstacle !== undefined)(`the kernel${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  let ends: TwoEnds;
  let runDir: string;

  beforeAll(() => {
    runDir = temporaryFolder("firewall");
    ends = makeTwoEnds();
  });

  afterAll(() => {
    ends?.[Symbol.dispose]();
  });

  function load(policy: FirewallPolicy): void {
    const observed = ends.here.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy });
    expect(observed).toMatchObject({ damage: [], policy: {} });
  }

  /**
   * Which ids were let through though they were to be refused, and which did not come. What did not come is sent twice
   * more, for a busy machine may lose a packet; what is let through once is a failure.
   */
  function differences(
    ids: readonly number[],
    send: (ids: readonly number[]) => ReadonlySet<number>,
    accepts: (id: number) => boolean,
  ): { readonly leaked: number[]; readonly lost: number[] } {
    const leaked: number[] = [];
    let lost = [...ids];
    for (let attempt = 0; attempt < 3 && lost.length > 0; attempt += 1) {
      const came = send(lost);
      leaked.push(...lost.filter((id) => came.has(id) && !accepts(id)));
      lost = lost.filter((id) => !came.has(id) && accepts(id));
    }
    return { leaked, lost };
  }

  /** Sends generated packets for real and compares with the evaluator. */
  function comparePackets(policy: FirewallPolicy): void {
    // Every route of the two ends has a gateway.
    const packets = fc
      .sample(realPacketArbitrary, { seed: SEED, numRuns: PACKETS_EACH })
      .map((packet): Packet => (packet.hook === "input" ? packet : { ...packet, byRouter: true }));
    const verdicts = packets.map((packet) => judge(policy, packet));
    const accepts = (id: number) => verdicts[id]?.verdict === "accept";
    const send = (ids: readonly number[]) => {
      const numbered = ids.map((id) => [id, packets[id] as Packet] as const);
      const seen = ends.exchange(numbered);
      expect(seen.complete).toBe(true);
      const arrived = (id: number, { hook, outDevice = "" }: Packet) =>
        hook === "input" ? seen.in.includes(id) : seen.out[outDevice]?.includes(id);
      return new Set(numbered.filter(([id, packet]) => arrived(id, packet)).map(([id]) => id));
    };
    const { leaked, lost } = differences([...packets.keys()], send, accepts);
    const describeId = (id: number) => `${verdicts[id]?.reason}: ${describePacket(packets[id] as Packet)}`;
    expect({ seed: SEED, leaked: leaked.map(describeId), lost: lost.map(describeId) }).toEqual({
      seed: SEED,
      leaked: [],
      lost: [],
    });
    const accepted = [...packets.keys()].filter(accepts).length;
    expect(accepted).toBeGreaterThan(5);
    expect(packets.length - accepted).toBeGreaterThan(20);
  }

  test.each(POLICIES)("lets pass exactly what the evaluator accepts, under %s", (_name, policy) => {
    load(policy);
    comparePackets(policy);
  });

  test.skipIf(commandObstacle("nft") !== undefined)("S1.4: the boot unit's table is the blocked policy (A4)", () => {
    ends.here.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy: null });
    for (let time = 0; time < 2; time += 1) ends.here.run(["nft", "-f", "-"], { input: renderBootTable() });
    comparePackets(blockedPolicy());
    load(LAPTOP);
    expect(ends.here.run(["nft", "list", "tables"]).stdout).not.toContain("awg_boot");
  });

  describe("with the laptop's policy", () => {
    beforeAll(() => load(LAPTOP));

    test("S9: lets out exactly those raw frames that the egress rules accept, fragments among them (A18, A19)", () => {
      const context = { devices: ["eth0"], identity: "", ownedTables: true };
      const egress = renderNft(LAPTOP, context)[1] as RenderedTable;
      const packets = fc.sample(rawPacketArbitrary, { seed: SEED, numRuns: RAW_FRAMES });
      const wire = { junk: FRAGMENT_JUNK, readsFragments: true };
      const accepts = (id: number) => runChain(egress, "frames", packets[id] as Packet, wire).verdict === "accept";
      const send = (ids: readonly number[]) => sendFrames(ids.map((id) => [id, rawFrameOf(id, packets[id] as Packet)]));
      const { leaked, lost } = differences([...packets.keys()], send, accepts);
      const describeId = (id: number) => describePacket(packets[id] as Packet);
      expect({ leaked: leaked.map(describeId), lost: lost.map(describeId) }).toEqual({ leaked: [], lost: [] });
      const accepted = [...packets.keys()].filter(accepts);
      expect(accepted.length).toBeGreaterThan(20);
      expect(accepted.filter((id) => packets[id]?.laterFragment).length).toBeGreaterThan(2);
    });

    test("S2.7: ARP leaves unless it announces a tunnel's address, EAPOL and LACP leave, other frames do not (A20)", () => {
      const arp = (sender: string) => `0806000108000604000202000000 0001${sender}000000000000c0a80101`;
      const frames: [string, boolean][] = [
        [arp("c0a80102"), true],
        [arp("0a080002"), false],
        [arp("0a090002"), false],
        ["888e01010000", true],
        ["880901010000", true],
        ["88cc0207040200000000010402ffff", false],
        ["8863110900000000", false],
        ["002642420300000000", false],
      ];
      const raw = frames.map(([text], id): [number, RawFrame] => {
        const bytes = Uint8Array.of(...Buffer.from(text.replaceAll(" ", ""), "hex"), ...trailer(id));
        return [id, { device: "eth0", uid: 0, mark: 0, bytes }];
      });
      const send = (ids: readonly number[]) => sendFrames(raw.filter(([id]) => ids.includes(id)));
      const found = differences([...raw.keys()], send, (id) => frames[id]?.[1] ?? false);
      expect(found).toEqual({ leaked: [], lost: [] });
    });

    test("S9.3, S12.16: a container on a macvlan of the uplink leaves only by a mark, and solicits with few bytes of its own", () => {
      using guest = makeMacvlanGuest(ends);
      const marks = [...LAPTOP_NUMBERS.map(markOfPath), ENGINE_MARK, 0];
      const web = ([4, 6] as const).flatMap((family) => marks.map((mark) => guestPacket(family, { mark, ...WEB })));
      const solicit = guestPacket(6, { protocol: PROTOCOL.icmpv6, icmpType: NDP.neighbourSolicit, hopLimit: 255 });
      const all = [...web, { ...solicit, bytes: 960 }, solicit, DHCP];
      const packets = all.map((packet, id) => [id, packet] as const);
      const frames = all.map((packet, id) => [all.length + id, rawFrameOf(all.length + id, packet, sized)] as const);
      const seen = ends.exchange(packets, frames, sized, guest);
      expect(seen.complete).toBe(true);
      const passing = all.flatMap((packet, id) =>
        packet.mark !== 0 || packet === solicit || packet === DHCP ? [id] : [],
      );
      expect(seen.out["eth0"]?.toSorted((a, b) => a - b)).toEqual([
        ...passing,
        ...passing.map((id) => id + all.length),
      ]);
    });
  });

  function sendFrames(frames: Numbered<RawFrame>): ReadonlySet<number> {
    const seen = ends.exchange([], frames);
    expect(seen.complete).toBe(true);
    return new Set(END_DEVICES.flatMap((device) => seen.out[device] ?? []));
  }
});

const LAPTOP_NUMBERS = LAPTOP.layers.flatMap(({ tunnels }) => tunnels.map(({ number }) => number));
const WEB = { protocol: PROTOCOL.udp, sourcePort: 40_000, destinationPort: 443 };
const DHCP_PORTS = { protocol: PROTOCOL.udp, sourcePort: 68, destinationPort: 67 };

function guestPacket(family: 4 | 6, fields: Partial<Packet> & Pick<Packet, "protocol">): Packet {
  const to = { 4: "203.0.113.200", 6: "2001:db8:2::7" };
  const [source, destination] = [NEIGHBOUR, to].map((side) => parseIp(side[family]) as IpAddress) as [
    IpAddress,
    IpAddress,
  ];
  return { hook: "output", outDevice: "eth0", uid: 65_534, mark: 0, source, destination, ...fields };
}

const DHCP = { ...guestPacket(4, DHCP_PORTS), destination: parseIp("255.255.255.255") as IpAddress };

/** The packet with as many bytes as it says, free ones before its number. */
const sized: BytesOf = (packet, magic, id) => {
  const bytes = packetBytes(packet, magic, id);
  if (packet.bytes === undefined) return [bytes];
  const free = new Uint8Array(packet.bytes - bytes.length);
  const longer = Uint8Array.of(...bytes.subarray(0, -8), ...free, ...bytes.subarray(-8));
  new DataView(longer.buffer).setUint16(4, longer.length - 40);
  return [longer];
};

function trailer(id: number): Uint8Array {
  return Uint8Array.of(...new TextEncoder().encode("AWGO"), 0, 0, 0, id);
}
