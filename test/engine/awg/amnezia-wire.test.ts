import { describe, expect, test } from "vitest";
import type { AmneziaVersion } from "../../../src/config/section/obfuscation.ts";
import { createAmneziaWire } from "../../../src/engine/awg/amnezia-wire.ts";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import { parseParameters } from "../../../src/engine/awg/parse-parameters.ts";
import { createDevice } from "../../../src/engine/create-device.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import type { TransportHeader, WireFormat } from "../../../src/engine/wire/wire-format.ts";
import { deviceConfig } from "../support/link.ts";
import { SeededSources } from "../support/sources.ts";

const MASKED: UapiParameters = { s1: "12", s2: "13", s3: "14", s4: "15", header_protection_key: "07".repeat(32) };

function wireOf(values: UapiParameters, generation?: AmneziaVersion, seed = 1): WireFormat {
  return createAmneziaWire(parseParameters(values, generation), new SeededSources(seed));
}

function sizesBeforeInitiations(wire: WireFormat, initiations: number): Set<number> {
  const peer = wire.forPeer();
  const sizes = new Set<number>();
  for (let at = 0; at < initiations; at += 1)
    for (const { length } of wire.beforeInitiation(peer, at * 5000, 1_795_000_000)) sizes.add(length);
  return sizes;
}

describe("junk", () => {
  test.each<[AmneziaVersion, number]>([
    ["1.0", 12],
    ["1.5", 12],
    ["2.0", 13],
    ["3.0", 12],
    ["3.1", 12],
  ])("of %s is at most as large as its releases make it", (generation, largest) => {
    const sizes = sizesBeforeInitiations(wireOf({ jc: "8", jmin: "10", jmax: "13" }, generation), 50);
    expect([...sizes].toSorted()).toEqual(Array.from({ length: largest - 9 }, (_, index) => 10 + index));
  });

  test.each<AmneziaVersion>(["1.0", "2.0", "3.1"])("of one size has that size in %s", (generation) => {
    expect([...sizesBeforeInitiations(wireOf({ jc: "3", jmin: "10", jmax: "10" }, generation), 5)]).toEqual([10]);
  });

  test("comes behind the packets of the tag language, new each time", () => {
    const wire = wireOf({ jc: "2", jmin: "5", jmax: "9", i1: "<b 0xaabb>", i3: "<r 4>" });
    const peer = wire.forPeer();
    const [first, second] = [0, 1].map((at) => wire.beforeInitiation(peer, at, 1_795_000_000));
    expect(first?.length).toBe(4);
    expect(first?.[0]).toEqual(Uint8Array.of(0xaa, 0xbb));
    expect(first?.[1]?.length).toBe(4);
    expect(first?.slice(1)).not.toEqual(second?.slice(1));
  });
});

describe("itime of 1.5", () => {
  const wire = wireOf({ i1: "<b 0x01>", j1: "<b 0x02>", j2: "<b 0x03>", itime: "60" });

  test("sends the controlled junk until it is over, for each peer by itself", () => {
    const [a, b] = [wire.forPeer(), wire.forPeer()];
    const at = (peer: typeof a, now: number) => wire.beforeInitiation(peer, now, 0).map(([byte]) => byte);
    expect(at(a, 0)).toEqual([1]);
    expect(at(a, 5_000)).toEqual([2, 3]);
    expect(at(b, 6_000)).toEqual([1]);
    expect(at(a, 59_999)).toEqual([2, 3]);
    expect(at(a, 60_000)).toEqual([1]);
  });

  test("of nothing sends the packets with every initiation", () => {
    const always = wireOf({ i1: "<b 0x01>", j1: "<b 0x02>" });
    const peer = always.forPeer();
    for (const now of [0, 1, 2]) expect(always.beforeInitiation(peer, now, 0)).toEqual([Uint8Array.of(1)]);
  });
});

describe("a type word", () => {
  test("is drawn again for each message and covers its range, both ends included", () => {
    const wire = wireOf({ h1: "100-103", h4: "4294967294-4294967295" });
    const words = new Set(Array.from({ length: 200 }, () => wire.headerWord("initiation")));
    expect([...words].toSorted()).toEqual([100, 101, 102, 103]);
    const view = new DataView(new ArrayBuffer(32));
    const seen = new Set<number>();
    for (let at = 0; at < 64; at += 1) {
      wire.transport.write(view, 0, 1, at);
      seen.add(view.getUint32(0, true));
    }
    expect([...seen].toSorted()).toEqual([4294967294, 4294967295]);
  });
});

describe("a transport header", () => {
  test.each<[string, UapiParameters]>([
    ["plain", { h4: "77" }],
    ["with padding of odd size", { s4: "7", h4: "77-90" }],
    ["masked", { s1: "12", s2: "13", s3: "14", s4: "15", header_protection_key: "07".repeat(32) }],
  ])("%s is read as it was written, at any offset", (_name, values) => {
    const { transport } = wireOf(values);
    for (const [receiver, counter] of [
      [0, 0],
      [0xffffffff, 2 ** 32 + 5],
      [5, 2 ** 53 - 1],
    ] as const) {
      const bytes = new Uint8Array(200);
      const view = new DataView(bytes.buffer);
      transport.write(view, 31, receiver, counter);
      const header: TransportHeader = { receiver: -1, counter: -1 };
      const before = bytes.slice();
      expect(transport.read(view, 31, transport.prefixBytes + 32, header)).toBe(true);
      expect(header).toEqual({ receiver, counter });
      expect(bytes).toEqual(before);
      expect(transport.read(view, 31, transport.prefixBytes + 31, header)).toBe(false);
      expect(bytes.subarray(0, 31).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(31 + transport.prefixBytes + 16).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("padding is new in every message", () => {
    const { transport } = wireOf({ s4: "16" });
    const messages = [0, 1].map((counter) => {
      const bytes = new Uint8Array(32);
      transport.write(new DataView(bytes.buffer), 0, 1, counter);
      return Buffer.from(bytes.subarray(0, 16)).toString("hex");
    });
    expect(new Set(messages).size).toBe(2);
  });
});

describe("how long an inner packet becomes", () => {
  const lengthsOf = (values: UapiParameters, innerBytes: number, mtuBytes = 1420, seen = 0): number[] => {
    const wire = wireOf(values);
    const peer = wire.forPeer();
    if (seen > 0) peer.noteTransport(seen);
    const many = Array.from({ length: 400 }, () => wire.transport.paddedLength(innerBytes, mtuBytes, peer));
    return [...new Set(many)].toSorted((a, b) => a - b);
  };

  test("without 3.x: the next multiple of 16, at most the MTU", () => {
    expect(lengthsOf({ s4: "5" }, 17)).toEqual([32]);
    expect(lengthsOf({ s4: "5" }, 1419)).toEqual([1420]);
    expect(wireOf({ s4: "5" }).transport.plainPadding).toBe(true);
  });

  test("with content padding: so many bytes more, at most the MTU, keepalives too", () => {
    expect(lengthsOf({ content_padding_addition: "5-8" }, 100)).toEqual([105, 106, 107, 108]);
    expect(lengthsOf({ content_padding_addition: "5-8" }, 1417)).toEqual([1420]);
    expect(lengthsOf({ content_padding_addition: "5-8" }, 1420)).toEqual([1420]);
    expect(lengthsOf({ content_padding_addition: "5-8" }, 0)).toEqual([5, 6, 7, 8]);
    expect(wireOf({ content_padding_addition: "5-8" }).transport.plainPadding).toBe(false);
  });

  test("with trailers: anywhere below the window, which grows with the largest datagram", () => {
    const short = lengthsOf({ random_trailers: "1", s4: "10" }, 100);
    expect([short.at(0), short.at(-1)]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(short.at(0)).toBeGreaterThanOrEqual(100);
    expect(short.at(-1)).toBeLessThan(500 - 42);
    expect(short.length).toBeGreaterThan(100);
    expect(lengthsOf({ random_trailers: "1" }, 100, 1420, 1400).at(-1)).toBeGreaterThan(500);
    expect(lengthsOf({ random_trailers: "1" }, 1000)).toEqual([1000]);
  });
});

describe("trailers behind handshake messages", () => {
  const wire = wireOf({ random_trailers: "1", s1: "20", h1: "5" });
  const sizes = (peer?: ReturnType<typeof wire.forPeer>): number[] => {
    const message = new Uint8Array(148);
    return Array.from({ length: 300 }, () => wire.wrap("initiation", message, peer).length);
  };

  test("stay below the window of the peer, which a new endpoint resets", () => {
    const peer = wire.forPeer();
    expect(Math.max(...sizes())).toBeLessThan(500);
    peer.noteTransport(1200);
    const grown = Math.max(...sizes(peer));
    expect(grown).toBeGreaterThan(500);
    expect(grown).toBeLessThan(1200);
    peer.endpointChanged();
    expect(Math.max(...sizes(peer))).toBeLessThan(500);
    expect(Math.min(...sizes(peer))).toBeGreaterThanOrEqual(168);
  });

  test("are cut off by the reader", () => {
    const message = Uint8Array.from({ length: 148 }, (_, index) => index);
    new DataView(message.buffer).setUint32(0, 5, true);
    for (let at = 0; at < 50; at += 1) {
      const readings = wire.candidates(wire.wrap("initiation", message, undefined));
      expect(
        readings.some((reading) => reading.kind === "initiation" && Buffer.from(reading.message).equals(message)),
      ).toBe(true);
    }
  });
});

describe("the key of the mask", () => {
  test("law 8: is zeroed when the device is closed, that of a format just replaced too", () => {
    const formats = [1, 2].map((seed) => {
      const parameters = parseParameters(MASKED);
      return { parameters, wire: createAmneziaWire(parameters, new SeededSources(seed)) };
    });
    const [first, second] = formats.map(({ wire }) => deviceConfig(1, [2], { wire }));
    if (first === undefined || second === undefined) throw new Error("two formats were made");
    const device = createDevice(first, { crypto: NOBLE_CRYPTO, sources: new SeededSources(3) });
    device.configure(second, 1000);
    const keys = formats.map(({ parameters }) => parameters.headerProtectionKey);
    expect(keys.map((key) => key?.every((byte) => byte === 7))).toEqual([true, true]);
    device.close();
    expect(keys.map((key) => key?.every((byte) => byte === 0))).toEqual([true, true]);
  });
});

describe("a keepalive", () => {
  test("is empty or begins with a zero, which no inner packet does", () => {
    const { isKeepalive } = wireOf({ content_padding_addition: "5-8" });
    expect([isKeepalive(0, 0), isKeepalive(7, 0), isKeepalive(40, 0x45), isKeepalive(40, 0x60)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("hostile bytes", () => {
  test("never throw, and give at most one reading a kind, and the tolerated ones", () => {
    const sources = new SeededSources(7);
    const wires = [
      wireOf({ s1: "12", s2: "13", s3: "14", s4: "15", header_protection_key: "07".repeat(32), random_trailers: "1" }),
      wireOf({
        s4: "15",
        h1: "0-999999999",
        h2: "1000000000-1999999999",
        h3: "2000000000-2999999999",
        h4: "3000000000-4294967295",
        random_trailers: "1",
      }),
      wireOf({ s1: "1132", s2: "1187", s3: "1214", s4: "1216" }),
    ];
    for (let at = 0; at < 20_000; at += 1) {
      const datagram = new Uint8Array(sources.below(at % 50 === 0 ? 3000 : 300));
      sources.fillRandom(datagram);
      for (const wire of wires) expect(wire.candidates(datagram).length).toBeLessThanOrEqual(6);
    }
  });
});
