import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clampSegmentSize } from "../../../src/dataplane/packet/segment-size.ts";
import { AnswerRate, mustNotBeCut, tooBigAnswer } from "../../../src/dataplane/packet/too-big.ts";
import { checkProperty } from "../../support/seeded.ts";
import { buildPacket, slowSum } from "./packets.ts";

const SYN = 0x02;
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const l4Of = (packet: Uint8Array) => ((packet[0] ?? 0) >>> 4 === 6 ? 40 : ((packet[0] ?? 0) & 0xf) * 4);

/** Whether the checksum of the packet's TCP or ICMPv6 part fits (RFC 9293 section 3.1, RFC 4443 section 2.3). */
function fits(packet: Uint8Array): boolean {
  const [l4, six] = [l4Of(packet), (packet[0] ?? 0) >>> 4 === 6];
  const addresses = six ? packet.subarray(8, 40) : packet.subarray(12, 20);
  const protocol = packet[six ? 6 : 9] ?? 0;
  return slowSum(packet.subarray(l4), slowSum(addresses) + protocol + packet.length - l4) === 0xffff;
}

describe("the segment size of a new connection", () => {
  const syn = (six: boolean, options: number[], flags = SYN) =>
    buildPacket({ six, flags, payload: new Uint8Array(), options: Uint8Array.from(options) });
  /** The size that stands in a packet after clamping; the checksum must fit. */
  function clamped(packet: Uint8Array, mtuBytes: number, offset = 2): number {
    clampSegmentSize(viewOf(packet), 0, packet.length, mtuBytes);
    expect(fits(packet)).toBe(true);
    return viewOf(packet).getUint16(l4Of(packet) + 20 + offset);
  }

  it.each([
    ["lowered, IPv4", false, 1420, 1380],
    ["lowered, IPv6", true, 1420, 1360],
    ["kept where it fits", false, 1500, 1460],
    ["never below what every host takes", false, 300, 536],
    ["never below, IPv6", true, 300, 1220],
  ])("is %s", (_what, six, mtuBytes, expected) => {
    expect(clamped(syn(six, [2, 4, 0x05, 0xb4]), mtuBytes)).toBe(expected);
  });

  it("is found behind other options, at an odd place too, in answers too", () => {
    expect(clamped(syn(false, [1, 2, 4, 0x05, 0xb4, 1, 1, 0]), 1400, 3)).toBe(1360);
    expect(clamped(syn(true, [4, 2, 1, 2, 4, 0x05, 0xb4, 0], 0x12), 1400, 5)).toBe(1340);
  });

  it.each([
    ["of no SYN", syn(false, [2, 4, 0x05, 0xb4], 0x10)],
    ["with options that end before", syn(false, [0, 2, 4, 0x05, 0xb4, 0, 0, 0])],
    ["with an option of no length", syn(false, [3, 0, 2, 4, 0x05, 0xb4, 0, 0])],
    ["with an option beyond its header", syn(false, [3, 3, 7, 2])],
    ["of another length", syn(false, [2, 3, 0x05, 0])],
    ["in UDP", buildPacket({ protocol: "udp", payload: new Uint8Array(30).fill(2) })],
  ])("is left alone %s", (_what, packet) => {
    const before = packet.slice();
    clampSegmentSize(viewOf(packet), 0, packet.length, 600);
    expect(packet).toEqual(before);
  });

  it("whatever the options: the checksum still fits, and hostile bytes do nothing beyond the packet", () => {
    const options = fc
      .array(fc.nat(255), { minLength: 4, maxLength: 40 })
      .map((bytes) => bytes.slice(0, bytes.length & ~3));
    checkProperty(
      fc.property(fc.boolean(), options, fc.integer({ min: 100, max: 9000 }), (six, bytes, mtuBytes) => {
        const packet = syn(six, bytes);
        clampSegmentSize(viewOf(packet), 0, packet.length, mtuBytes);
        return fits(packet);
      }),
      500,
    );
    checkProperty(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 120 }), (bytes) => {
        const guarded = Uint8Array.from([...bytes, ...new Array(64).fill(9)]);
        clampSegmentSize(viewOf(guarded), 0, bytes.length, 100);
        return guarded.subarray(bytes.length).every((byte) => byte === 9);
      }),
      500,
    );
  });
});

describe("the answer to a packet that does not fit", () => {
  const packet = (six: boolean, change: (view: DataView) => void = () => {}) => {
    const made = buildPacket({ six, protocol: "udp", payload: new Uint8Array(1300).fill(3) });
    if (!six) viewOf(made).setUint16(6, 0x4000);
    change(viewOf(made));
    return made;
  };

  const error4 = (view: DataView) => {
    view.setUint8(9, 1);
    view.setUint8(20, 3);
  };
  const echo4 = (view: DataView) => {
    view.setUint8(9, 1);
    view.setUint8(20, 8);
  };
  const error6 = (view: DataView) => {
    view.setUint8(6, 58);
    view.setUint8(40, 1);
  };

  it("is what RFC 1191 section 4 says, from the packet's destination to its source, with its beginning", () => {
    const asked = packet(false);
    const answer = tooBigAnswer(asked, 1240) ?? new Uint8Array();
    const view = viewOf(answer);
    expect([answer.length, view.getUint16(2), view.getUint8(9)]).toEqual([576, 576, 1]);
    expect([answer.subarray(12, 16), answer.subarray(16, 20)]).toEqual([
      asked.subarray(16, 20),
      asked.subarray(12, 16),
    ]);
    expect([view.getUint16(20), view.getUint32(24)]).toEqual([0x0304, 1240]);
    expect(answer.subarray(28)).toEqual(asked.subarray(0, 548));
    expect([slowSum(answer.subarray(0, 20)), slowSum(answer.subarray(20))]).toEqual([0xffff, 0xffff]);
  });

  it("is what RFC 4443 section 3.2 says", () => {
    const asked = packet(true);
    const answer = tooBigAnswer(asked, 1300) ?? new Uint8Array();
    const view = viewOf(answer);
    expect([answer.length, view.getUint16(4), view.getUint8(6)]).toEqual([1280, 1240, 58]);
    expect([answer.subarray(8, 24), answer.subarray(24, 40)]).toEqual([asked.subarray(24, 40), asked.subarray(8, 24)]);
    expect([view.getUint16(40), view.getUint32(44)]).toEqual([0x0200, 1300]);
    expect(answer.subarray(48)).toEqual(asked.subarray(0, 1232));
    expect(fits(answer)).toBe(true);
  });

  it.each<[string, Uint8Array]>([
    ["an error, IPv4", packet(false, error4)],
    ["an error, IPv6", packet(true, error6)],
    ["a later fragment", packet(false, (view) => view.setUint16(6, 0x4001))],
    ["many hosts, IPv4", packet(false, (view) => view.setUint8(16, 224))],
    ["many hosts, IPv6", packet(true, (view) => view.setUint8(24, 0xff))],
    ["what has no host as source", packet(false, (view) => view.setUint32(12, 0))],
  ])("is not given to %s", (_what, asked) => {
    expect(tooBigAnswer(asked, 1240)).toBeUndefined();
  });

  it("is given to an echo, and only what must not be cut needs one", () => {
    const echo = packet(false, echo4);
    expect(tooBigAnswer(echo, 1240)).toBeDefined();
    expect(mustNotBeCut(viewOf(echo), 0)).toBe(true);
    expect(mustNotBeCut(viewOf(packet(true)), 0)).toBe(true);
    expect(mustNotBeCut(viewOf(packet(false, (view) => view.setUint16(6, 0))), 0)).toBe(false);
  });

  it("comes twenty times at once and a hundred times a second", () => {
    const rate = new AnswerRate();
    const allowed = (now: number) => Array.from({ length: 50 }, () => rate.allow(now)).filter(Boolean).length;
    expect([allowed(1000), allowed(1000), allowed(1050), allowed(9000)]).toEqual([20, 0, 5, 20]);
  });
});
