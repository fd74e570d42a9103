import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessages } from "../../../../src/native/linux/netlink/message.codec.ts";
import {
  compareBytes,
  decodeElements,
  elementOf,
  encodeElements,
  mergeElements,
  prefixElements,
} from "../../../../src/native/linux/nftables/set-element.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

const byteRange = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
  .map(([a, b]) => ({ from: Uint8Array.of(Math.min(a, b)), to: Uint8Array.of(Math.max(a, b)) }));

const set = { family: "inet", table: "awg", name: "s" } as const;

describe("ranges of a set", () => {
  it("are merged into the same numbers, fewest ranges, none touching (against a naive list)", () => {
    checkProperty(
      fc.property(fc.array(byteRange, { maxLength: 12 }), (ranges) => {
        const inside = (list: readonly { from: Uint8Array; to?: Uint8Array }[]) =>
          Array.from({ length: 256 }, (_unused, n) =>
            list.some(({ from, to = from }) => (from[0] as number) <= n && n <= (to[0] as number)),
          );
        const merged = mergeElements(ranges);
        const naive = inside(ranges);
        expect(inside(merged)).toEqual(naive);
        const starts = naive.filter((member, n) => member && !naive[n - 1]).length;
        expect(merged).toHaveLength(starts);
      }),
    );
  });

  it("come back from the pairs of start and end that the kernel keeps", () => {
    checkProperty(
      fc.property(fc.array(byteRange, { maxLength: 12 }), (ranges) => {
        const identity = { ...set, intervals: true, concatenated: false };
        const messages = encodeElements(identity, ranges).flatMap(decodeMessages);
        expect(decodeElements(identity, messages)).toEqual(mergeElements(ranges));
      }),
    );
  });

  it("of concatenations come back as they are, key and key end", () => {
    const identity = { ...set, intervals: true, concatenated: true };
    const fields = ["ip.daddr", "th.dport"] as const;
    const elements = [
      elementOf(fields, ["10.0.0.0/8", { from: 1000, to: 2000 }]),
      elementOf(fields, ["192.0.2.1", 443]),
    ];
    const messages = encodeElements(identity, elements).flatMap(decodeMessages);
    expect(decodeElements(identity, messages)).toEqual(elements.sort((a, b) => compareBytes(a.from, b.from)));
    expect(elements[0]).toEqual({
      from: Uint8Array.of(10, 0, 0, 0, 3, 232, 0, 0),
      to: Uint8Array.of(10, 255, 255, 255, 7, 208, 0, 0),
    });
  });

  it("are split over several messages when they are many, and none is lost", () => {
    const identity = { ...set, intervals: true, concatenated: false };
    const elements = Array.from({ length: 10_000 }, (_unused, n) =>
      elementOf(["ip.daddr"], [`10.${n >> 8}.${n & 255}.0/25`]),
    );
    const messages = encodeElements(identity, elements);
    expect(messages.length).toBeGreaterThan(1);
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThan(65_536);
    expect(decodeElements(identity, messages.flatMap(decodeMessages))).toHaveLength(10_000);
  });

  it("reach to the last number without an end behind it", () => {
    const identity = { ...set, intervals: true, concatenated: false };
    const all = [elementOf(["ip.daddr"], ["0.0.0.0/0"])];
    expect(decodeElements(identity, encodeElements(identity, all).flatMap(decodeMessages))).toEqual(all);
  });
});

describe("the elements of a list of prefixes", () => {
  it("are those of each prefix alone", () => {
    const four = ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.64/27", "192.0.2.1/32", "10.1.2.3/9"];
    const six = ["::/0", "2001:db8::/33", "2001:db8::1/128", "fe80::/10"];
    expect(prefixElements("ip.daddr", four)).toEqual(four.map((prefix) => elementOf(["ip.daddr"], [prefix])));
    expect(prefixElements("ip6.daddr", six)).toEqual(six.map((prefix) => elementOf(["ip6.daddr"], [prefix])));
    expect(() => prefixElements("ip.daddr", six)).toThrow("does not fit");
  });
});

describe("values of a set", () => {
  it("keep their verdicts", () => {
    const identity = { ...set, intervals: false, concatenated: false };
    const elements = [
      { from: Uint8Array.of(1, 0, 0, 0), verdict: { code: "jump", chain: "office" } },
      { from: Uint8Array.of(2, 0, 0, 0), verdict: { code: "drop" } },
    ] as const;
    expect(decodeElements(identity, encodeElements(identity, elements).flatMap(decodeMessages))).toEqual(elements);
  });

  it("are refused when they don't fit their field", () => {
    expect(() => elementOf(["th.dport"], [65_536])).toThrow("does not fit");
    expect(() => elementOf(["ip.daddr"], ["fd00::/8"])).toThrow("does not fit");
    expect(() => elementOf(["oifname"], ["a-name-of-16-byte"])).toThrow("does not fit");
  });
});
