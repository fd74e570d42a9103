import { describe, expect, test } from "vitest";
import { encodeDatagram } from "../../../src/engine/awg/amnezia-wire.ts";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import type { Candidate, WireFormat } from "../../../src/engine/wire/wire-format.ts";
import { engineOptions } from "./engine-options.ts";

const NOTHING = new Uint8Array(0);
const MASKED: UapiParameters = {
  s1: "33",
  s2: "47",
  s3: "21",
  s4: "17",
  h4: "2142711954-2147312353",
  header_protection_key: "07".repeat(32),
};

function wireOf(values: UapiParameters): WireFormat {
  return engineOptions(values, 4).wire;
}

function transportOf(wire: WireFormat, sealedBytes: number): Uint8Array {
  const datagram = new Uint8Array(wire.transport.prefixBytes + 16 + sealedBytes);
  wire.transport.write(new DataView(datagram.buffer), 0, 0x01020304, 9);
  return datagram;
}

const asTransport = (reading: Candidate) => (reading.kind === "transport" ? [reading] : []);

describe("what peers with known defects send is read", () => {
  test.each<[string, number]>([
    ["a keepalive without padding (amneziawg-go v0.2.13 to v0.2.17)", 16],
    ["the first packet after S4 was changed, with the old S4 of nothing (amneziawg-go 3.x)", 112],
  ])("%s", (_name, sealedBytes) => {
    const datagram = transportOf(wireOf({ h4: "2142711954-2147312353" }), sealedBytes);
    const readings = wireOf({ s4: "17", h4: "2142711954-2147312353" }).candidates(datagram).flatMap(asTransport);
    expect(readings).toContainEqual(expect.objectContaining({ receiver: 0x01020304, counter: 9, sealedOffset: 16 }));
  });

  test("a padded message is read with its padding first", () => {
    const wire = wireOf({ s4: "17", h4: "2142711954-2147312353" });
    const [first] = wire.candidates(transportOf(wire, 112));
    expect(first).toMatchObject({ kind: "transport", receiver: 0x01020304, counter: 9, sealedOffset: 33 });
  });

  test("a cookie reply without mask (kernel module 3.0), and one with it", () => {
    const message = Uint8Array.from({ length: 64 }, (_, index) => index);
    new DataView(message.buffer).setUint32(0, 3, true);
    const wire = wireOf(MASKED);
    const padding = new Uint8Array(21).fill(9);
    const bare = encodeDatagram({ padding, message, trailer: NOTHING, maskedBytes: 0 }, undefined);
    for (const datagram of [bare, wire.wrap("cookie", message, undefined)]) {
      const messages = wire
        .candidates(datagram)
        .flatMap((reading) => (reading.kind === "cookie" ? [reading.message] : []));
      expect(messages).toContainEqual(message);
    }
  });

  test("a reading changes nothing in the datagram, be it a Buffer among others in one memory", () => {
    const wire = wireOf(MASKED);
    const message = Uint8Array.from({ length: 92 }, (_, index) => index);
    new DataView(message.buffer).setUint32(0, 2, true);
    const memory = Buffer.alloc(400, 3);
    const datagram = memory.subarray(100, 239);
    datagram.set(wire.wrap("response", message, undefined));
    const before = Buffer.from(memory);
    const [reading] = wire.candidates(datagram);
    expect(reading).toMatchObject({ kind: "response", message });
    expect(memory).toEqual(before);
  });

  test("a reading changes nothing in the datagram", () => {
    const wire = wireOf({ ...MASKED, random_trailers: "1" });
    const datagram = wire.wrap("initiation", new Uint8Array(148).fill(1), undefined);
    const before = datagram.slice();
    for (let at = 0; at < 5; at += 1) wire.candidates(datagram);
    expect(datagram).toEqual(before);
  });
});
