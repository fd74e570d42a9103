import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, dissect } from "./dissect.ts";
import { arpOf, localNetwork, multicast, neighbourDiscoveryOf, service } from "./exception.ts";
import { arpFrame, datagramFrame, packetFrame, segmentFrame, tagOf } from "./frames.ts";
import { type Expectation, judge, type Probe, probeIndexOf, renderJudgement } from "./judge.ts";
import type { WireFrame } from "./pcap.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const client = [192, 168, 77, 2];
const server = [203, 0, 113, 9];
const echo = [198, 51, 100, 10];
const client6 = [0xfd77, 0, 0, 0, 0, 0, 0, 2];
const router6 = [0xfd77, 0, 0, 0, 0, 0, 0, 1];
const probes: Probe[] = [
  { index: 7, name: "u_udp4", inControl: true },
  { index: 8, name: "u_tcp4", inControl: true },
];
const expectation: Expectation = {
  endpoints: [{ address: "203.0.113.9", port: 51820 }],
  wire: "wireguard",
  exceptions: [],
  leastTunnelPackets: 0,
};
const data = (bytes: number): Uint8Array => Uint8Array.from([4, 0, 0, 0, ...new Array<number>(bytes - 4).fill(9)]);
const toServer = (payload: Uint8Array, destinationPort = 51820): Uint8Array =>
  datagramFrame({ source: client, destination: server, destinationPort, payload });

function judged(frames: readonly Uint8Array[], more: Partial<Expectation> = {}, invalid: readonly string[] = []) {
  const wire: WireFrame[] = frames.map((frame, index) => ({ atMs: index, frame }));
  return judge(wire, probes, { ...expectation, ...more }, invalid);
}

describe("what is the tunnel's", () => {
  test("WireGuard's data to the endpoint is; its keepalive counts as nothing carried", () => {
    const judgement = judged([toServer(data(96)), toServer(data(32)), toServer(data(1452))]);
    expect(judgement).toMatchObject({ outcome: "pass", tunnelPackets: 2 });
  });

  test.each([
    ["a handshake", Uint8Array.from([1, 0, 0, 0, ...new Array<number>(144).fill(3)]), "pass"],
    ["a handshake of the wrong size", Uint8Array.from([1, 0, 0, 0, ...new Array<number>(140).fill(3)]), "leak"],
    ["a header with reserved bits", Uint8Array.from([4, 1, 0, 0, ...new Array<number>(92).fill(3)]), "leak"],
    ["a text", Uint8Array.from(Buffer.from("hello, plain world; nothing to hide")), "leak"],
    ["data with a probe's tag in clear", Uint8Array.from([...data(32), ...tagOf(7)]), "leak"],
  ])("law 1: %s to the endpoint", (_, payload, outcome) => {
    expect(judged([toServer(payload)]).outcome).toBe(outcome);
  });

  test("law 1: the endpoint's address on another port, or by TCP, is not", () => {
    expect(judged([toServer(data(96), 9)]).outcome).toBe("leak");
    const segment = segmentFrame({ source: client, destination: server, destinationPort: 51820, payload: data(96) });
    expect(judged([segment]).outcome).toBe("leak");
  });

  test("an obfuscated tunnel needs no header, but a tag is a leak all the same", () => {
    const noise = Uint8Array.from(Buffer.from("looks like anything at all"));
    expect(judged([toServer(noise)], { wire: "any" })).toMatchObject({ outcome: "pass", tunnelPackets: 1 });
    expect(judged([toServer(tagOf(7))], { wire: "any" }).outcome).toBe("leak");
    expect(judged([toServer(noise)], { wire: "obfuscated" })).toMatchObject({ outcome: "pass", tunnelPackets: 1 });
    const plain = Uint8Array.from({ length: 148 }, (_, at) => (at === 0 ? 1 : at < 4 ? 0 : 0x5a));
    expect(judged([toServer(plain)], { wire: "any" }).outcome).toBe("pass");
    expect(judged([toServer(plain)], { wire: "obfuscated" }).outcome).toBe("leak");
  });

  test.each([1, 2, 3, 4])(
    "a padded message with an unmasked header of type %i is a leak if the padding is known",
    (type) => {
      const padded = Uint8Array.from([...Buffer.from("twelve bytes"), type, 0, 0, 0, ...new Array<number>(90).fill(9)]);
      const wire = "obfuscated";
      expect(judged([toServer(padded)], { wire }).outcome).toBe("pass");
      expect(judged([toServer(padded)], { wire, paddings: [40, 12] }).outcome).toBe("leak");
      expect(judged([toServer(padded)], { wire, paddings: [40, 13] }).outcome).toBe("pass");
    },
  );
});

describe("who made a packet", () => {
  test("the tag names the probe at any offset", () => {
    const payload = Uint8Array.from([...Buffer.from("abc"), 0xa7, ...tagOf(7), 1, 2]);
    expect(judged([datagramFrame({ source: client, destination: echo, payload })]).leaks).toEqual([
      expect.objectContaining({ probe: "u_udp4", count: 1, example: expect.stringContaining("198.51.100.10 port 9") }),
    ]);
  });

  test("a connection's bare packets are named by the probe's ports, in both directions", () => {
    const payload = new Uint8Array();
    const out = segmentFrame({ source: client, destination: echo, sourcePort: 20000 + 8 * 16 + 3, payload });
    const reset = segmentFrame({ source: client, destination: echo, sourcePort: 22, destinationPort: 20128, payload });
    expect(judged([out, reset]).leaks).toEqual([expect.objectContaining({ probe: "u_tcp4", count: 2 })]);
  });

  test("a port outside the probes' range names no probe, and a broken tag is no tag", () => {
    const segment = segmentFrame({ source: client, destination: echo, sourcePort: 45000, payload: new Uint8Array() });
    expect(probeIndexOf(dissect(segment), segment)).toBeUndefined();
    const broken = Uint8Array.from(Buffer.from("\xa7awg0x7;", "latin1"));
    expect(judged([datagramFrame({ source: client, destination: echo, payload: broken })]).leaks[0]?.probe).toBe(
      "untagged",
    );
  });

  test("a fragment without ports is found by its tag", () => {
    const fragment = packetFrame({ source: client, destination: echo, payload: tagOf(7) }, tagOf(7));
    fragment[14 + 6] = 0x00;
    fragment[14 + 7] = 0xb9;
    const packet = dissect(fragment);
    expect(packet.sourcePort).toBeUndefined();
    expect(probeIndexOf(packet, fragment)).toBe(7);
  });
});

describe("exceptions", () => {
  test("law 1: ARP speaks only of the client's own addresses", () => {
    const exceptions = [arpOf(["192.168.77.2"])];
    expect(judged([arpFrame(client), arpFrame([0, 0, 0, 0])], { exceptions }).outcome).toBe("pass");
    expect(judged([arpFrame([10, 8, 0, 2])], { exceptions })).toMatchObject({
      outcome: "leak",
      leaks: [{ example: "arp from 10.8.0.2" }],
    });
  });

  test("law 1: neighbour discovery is types 133, 135 and 136 with hop limit 255 from our own addresses", () => {
    const exceptions = [neighbourDiscoveryOf(["fd77::2"])];
    const message = (type: number, source: readonly number[], hopLimit: number): Uint8Array => {
      const frame = packetFrame(
        { source, destination: router6, protocol: 58, payload: tagOf(1) },
        Uint8Array.of(type, 0, 0, 0),
      );
      frame[14 + 7] = hopLimit;
      return frame;
    };
    expect(judged([message(135, client6, 255), message(136, client6, 255)], { exceptions }).outcome).toBe("pass");
    expect(judged([message(135, client6, 64)], { exceptions }).outcome).toBe("leak");
    expect(judged([message(128, client6, 255)], { exceptions }).outcome).toBe("leak");
    expect(judged([message(135, [0xfd08, 0, 0, 0, 0, 0, 0, 2], 255)], { exceptions }).outcome).toBe("leak");
  });

  test("law 1: a name query to the LAN or to a group is not the LAN's", () => {
    const exceptions = [localNetwork(["fd77::1"]), multicast];
    const to = (destination: readonly number[], destinationPort: number): Uint8Array =>
      datagramFrame({ source: client6, destination, destinationPort, payload: tagOf(7) });
    expect(judged([to(router6, 9), to([0xff02, 0, 0, 0, 0, 0, 0, 0xfb], 5353)], { exceptions }).outcome).toBe("pass");
    expect(judged([to(router6, 53)], { exceptions }).outcome).toBe("leak");
    expect(judged([to(router6, 853)], { exceptions }).outcome).toBe("leak");
    expect(judged([to([0xff02, 0, 0, 0, 0, 0, 0, 0xfb], 53)], { exceptions }).outcome).toBe("leak");
  });

  test("a service is one address, port and protocol", () => {
    const exceptions = [service("udp", "198.51.100.10", 53)];
    const to = (destinationPort: number): Uint8Array =>
      datagramFrame({ source: client, destination: echo, destinationPort, payload: tagOf(7) });
    expect(judged([to(53)], { exceptions })).toMatchObject({ outcome: "pass" });
    expect(judged([to(54)], { exceptions })).toMatchObject({ outcome: "leak" });
  });
});

describe("the outcome", () => {
  test("a leak outweighs an invalid run, and an invalid run never passes", () => {
    expect(judged([], {}, ["the prober stalled"]).outcome).toBe("invalid");
    expect(judged([], { leastTunnelPackets: 1 }).invalid).toEqual(["the tunnel carried 0 packets, fewer than 1"]);
    const leak = datagramFrame({ source: client, destination: echo, payload: tagOf(7) });
    expect(judged([leak], {}, ["the prober stalled"]).outcome).toBe("leak");
  });

  test("is printed with each leak and each reason", () => {
    const leak = datagramFrame({ source: client, destination: echo, payload: tagOf(7) });
    expect(renderJudgement(judged([leak, leak], {}, ["no control"]))).toBe(
      [
        "leak: 0 packets in the tunnel; exceptions: none",
        "  LEAK u_udp4 × 2: protocol 17 from 192.168.77.2 port 40000 to 198.51.100.10 port 9",
        "  INVALID no control",
      ].join("\n"),
    );
  });

  test("property: no bytes make the judge throw, and nothing unexplained passes", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(judged([bytes]).outcome).toBe("leak");
    });
    fc.assert(property, { seed, numRuns: 2000 });
  });
});

test.each([
  ["::", "0:0:0:0:0:0:0:0"],
  ["fd77::1", "fd77:0:0:0:0:0:0:1"],
  ["FE80::00AB:1", "fe80:0:0:0:0:0:ab:1"],
  ["2001:db8:9::", "2001:db8:9:0:0:0:0:0"],
  ["192.0.2.1", "192.0.2.1"],
])("the address %s is compared as %s", (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});
