import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Condition, conditionOf } from "../../../../src/verify/nft/reading/condition.ts";
import { maskValue, partOfNumber, type RegisterValue } from "../../../../src/verify/nft/reading/register-value.ts";
import { SEED } from "../../../support/seeded.ts";

/** Both ports, as nft loads them at once. */
const PORTS: RegisterValue = {
  kind: "joined",
  parts: [
    { value: partOfNumber("word0", 2, 0, 2), bytes: 2 },
    { value: partOfNumber("word2", 2, 0, 2), bytes: 2 },
  ],
};
const bytesOf = (first: number, second: number) => Uint8Array.of(first >> 8, first & 255, second >> 8, second & 255);

function holds({ any }: Condition, words: Readonly<Record<string, number>>): boolean {
  return any.some((terms) =>
    terms.every((term) => {
      if (!("ranges" in term)) throw new Error(`${term.dimension} was not asked`);
      const word = BigInt(words[term.dimension] ?? -1);
      return term.ranges.some(({ first, last }) => word >= first && word <= last);
    }),
  );
}

/** Few values, near each other, so that edges are met. */
const word = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(255, 256, 0xfffe, 0xffff), fc.nat(0xffff));
const ends = fc.tuple(word, word, word, word).map(([a, b, c, d]) => {
  const [one, other] = [bytesOf(a, b), bytesOf(c, d)];
  return Buffer.compare(one, other) <= 0 ? { from: one, to: other } : { from: other, to: one };
});

/** Upper bits, as of prefixes: other masks are tried value by value, which takes its time. */
const masks = fc.constantFrom(0xffff, 0xff00, 0xfff0, 0);

describe("fields that are compared at once", () => {
  test("a range, several and their inverse hold exactly of the bytes between", () => {
    fc.assert(
      fc.property(
        fc.array(ends, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        word,
        word,
        (ranges, not, word0, word2) => {
          const bytes = bytesOf(word0, word2);
          const isInside = ranges.some(
            ({ from, to }) => Buffer.compare(bytes, from) >= 0 && Buffer.compare(bytes, to) <= 0,
          );
          expect(holds(conditionOf(PORTS, ranges, not), { word0, word2 })).toBe(isInside !== not);
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  test("a mask reaches into each of them", () => {
    fc.assert(
      fc.property(masks, masks, word, word, fc.boolean(), (mask0, mask2, word0, word2, not) => {
        const mask = bytesOf(mask0, mask2);
        const wanted = bytesOf(3, 0xff00).map((byte, index) => byte & (mask[index] ?? 0));
        const seen = bytesOf(word0, word2).map((byte, index) => byte & (mask[index] ?? 0));
        const condition = conditionOf(maskValue(PORTS, mask, new Uint8Array(4)), [{ from: wanted, to: wanted }], not);
        expect(holds(condition, { word0, word2 })).toBe((Buffer.compare(seen, wanted) === 0) !== not);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test("what cannot be said of one field is a doubt about the packets that the others let through, and no more", () => {
    const value: RegisterValue = {
      kind: "joined",
      parts: [
        { value: partOfNumber("word2", 2, 0, 2), bytes: 2 },
        { value: { kind: "opaque", what: "the length" }, bytes: 2 },
      ],
    };
    const bytes = bytesOf(443, 8);
    const condition = conditionOf(value, [{ from: bytes, to: bytes }], false);
    expect(condition.opaque).toBe("the length");
    expect([holds(condition, { word2: 443 }), holds(condition, { word2: 444 })]).toEqual([true, false]);
    const whole = conditionOf(value, [{ from: bytesOf(443, 0), to: bytesOf(443, 0xffff) }], false);
    expect(whole).toEqual({ any: condition.any });
  });
});

test("the bounds of any device are no names that a packet is shown with", () => {
  const bytesOf = (name: string) => Buffer.from(name.padEnd(16, "\0"));
  const device: RegisterValue = { kind: "named", dimension: "out", bytesOf };
  const mentioned = (from: string) =>
    conditionOf(device, [{ from: bytesOf(from), to: Buffer.alloc(16, 255) }], false).any.flat();
  expect(mentioned("\u0001")).toMatchObject([{ mentions: [] }]);
  expect(mentioned("eth0")).toMatchObject([{ mentions: ["eth0"] }]);
});
