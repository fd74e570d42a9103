import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainSum, wasmSum } from "../../../src/dataplane/packet/checksum.ts";
import { completeFromVirtio, Superpacket } from "../../../src/dataplane/packet/superpacket.ts";
import { CUT, CUT_ECN, writeVirtioHeader } from "../../../src/dataplane/packet/virtio-header.ts";
import { createArena } from "../../../src/native/memory/arena.ffi.ts";
import { checkProperty } from "../../support/seeded.ts";
import { buildPacket, cutByHand, type PacketOptions, slowSum } from "./packets.ts";

const arena = createArena(1024 * 1024);
const area = arena.reserve(200_000) + 512;
const sum = plainSum(arena.view);

const packet = fc.record({
  six: fc.boolean(),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  payload: fc.uint8Array({ minLength: 1, maxLength: 9000 }),
  sequence: fc.nat(0xffffffff),
  flags: fc.constantFrom(0x10, 0x18, 0x11, 0x19, 0x90, 0x99),
  identification: fc.nat(0xffff),
  options: fc.constantFrom(0, 4, 12, 40).map((length) => new Uint8Array(length).fill(1)),
  trafficClass: fc.nat(255),
});

const kindOf = ({ six = false, protocol = "tcp" }: PacketOptions) =>
  protocol === "udp" ? CUT.udp : (six ? CUT.tcp6 : CUT.tcp4) | CUT_ECN;

describe("a superpacket", () => {
  it("cut in place gives the packets the kernel would have made", () => {
    const cut = new Superpacket(arena, sum);
    checkProperty(
      fc.property(packet, fc.integer({ min: 1, max: 1500 }), (options, segmentBytes) => {
        const whole = buildPacket(options);
        const wanted = cutByHand(options, Math.min(segmentBytes, options.payload.length));
        arena.bytes.set(whole, area);
        expect(cut.open(area, whole.length, kindOf(options), segmentBytes)).toBe(true);
        expect(cut.count).toBe(wanted.length);
        for (const [index, segment] of wanted.entries()) {
          const at = cut.write(index);
          const length = cut.lengthOf(index);
          expect(arena.bytes.slice(at, at + length)).toEqual(segment);
          // What sealing does to the bytes before a segment must not matter to the next one.
          arena.bytes.fill(0xee, at - 64, at);
        }
      }),
      60,
    );
  });

  it("is refused when its headers do not fit together", () => {
    const cut = new Superpacket(arena, sum);
    const whole = buildPacket({ payload: new Uint8Array(100) });
    arena.bytes.set(whole, area);
    expect(cut.open(area, whole.length, CUT.tcp4, 0)).toBe(false);
    expect(cut.open(area, whole.length, CUT.tcp6, 50)).toBe(false);
    expect(cut.open(area, whole.length, CUT.udp, 50)).toBe(false);
    expect(cut.open(area, 30, CUT.tcp4, 50)).toBe(false);
    expect(cut.open(area, whole.length, 9, 50)).toBe(false);
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(255), fc.nat(65_535), (bytes, kind, size) => {
        arena.bytes.set(bytes, area);
        if (!cut.open(area, bytes.length, kind, size)) return;
        for (let index = 0; index < cut.count; index += 1) cut.write(index);
      }),
    );
  });

  it("gets its checksum completed where only that was left to do", () => {
    for (const six of [false, true]) {
      const whole = buildPacket({ six, payload: Uint8Array.from([1, 2, 3, 4, 5]) });
      const l4 = six ? 40 : 20;
      const left = whole.slice();
      const addresses = slowSum(six ? whole.subarray(8, 40) : whole.subarray(12, 20));
      new DataView(left.buffer).setUint16(l4 + 16, slowSum(Uint8Array.of(0, 6, 0, whole.length - l4), addresses));
      arena.bytes.set(left, area);
      writeVirtioHeader(arena.view, area - 10, CUT.none, 0, 0, l4, 16);
      arena.view.setUint8(area - 10, 1);
      expect(completeFromVirtio(arena.view, sum, area - 10, area, whole.length)).toBe(true);
      expect(arena.bytes.slice(area, area + whole.length)).toEqual(whole);
      arena.view.setUint16(area - 2, 9000, true);
      expect(completeFromVirtio(arena.view, sum, area - 10, area, whole.length)).toBe(false);
    }
  });
});

describe("the checksum kernel", () => {
  it("adds as plain JavaScript does, at any place, length and start", () => {
    const kernel = wasmSum(arena.memory);
    if (kernel === undefined) throw new Error("this WebAssembly has no vectors");
    checkProperty(
      fc.property(fc.nat(15), fc.nat(3000), fc.nat(0x1ffff), fc.nat(255), (offset, length, start, fill) => {
        for (let at = area; at < area + 3100; at += 1) arena.bytes[at] = (at * 31 + fill) & 0xff;
        expect(kernel(area + offset, length, start)).toBe(sum(area + offset, length, start));
      }),
    );
    arena.bytes.fill(0xff, area, area + 65_535);
    expect(kernel(area, 65_535, 0xffff)).toBe(sum(area, 65_535, 0xffff));
  });

  it("is not made over memory it cannot reach", () => {
    expect(wasmSum({ buffer: new ArrayBuffer(65_536) })).toBeUndefined();
  });
});
