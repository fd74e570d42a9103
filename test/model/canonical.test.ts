import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, hashOf, sameData } from "../../src/model/canonical.ts";
import { sha256, sha256Hex } from "../../src/model/sha256.ts";

const SEED = Number(process.env["AWG_SEED"] ?? 20261121);

/** The same data with the keys of every object in another order. */
function shuffled(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, shuffled(field)]),
  );
}

describe("canonical JSON", () => {
  test("keys are sorted at every depth, absent and undefined are the same, lists keep their order", () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined, a: null }], a: "x" })).toBe('{"a":"x","b":[{"a":null,"d":1}]}');
    expect(canonicalJson([2, 1])).toBe("[2,1]");
  });

  test("a key named __proto__ stays a key", () => {
    const value = JSON.parse('{"__proto__":{"a":1},"b":2}');
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":1},"b":2}');
    expect(sameData(value, { b: 2 })).toBe(false);
  });

  test("equal text, equal hash and sameData say the same, whatever the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        const a = JSON.parse(JSON.stringify(left));
        const b = JSON.parse(JSON.stringify(right));
        expect(sameData(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
        expect(sameData(a, shuffled(a))).toBe(true);
        expect(hashOf(shuffled(a))).toBe(hashOf(a));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe("SHA-256", () => {
  test("is that of the system's library, over every length around a block", () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
      expect(Buffer.from(sha256(bytes))).toEqual(createHash("sha256").update(bytes).digest());
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(Buffer.from(sha256(bytes)).equals(createHash("sha256").update(bytes).digest())).toBe(true);
      }),
      { seed: SEED },
    );
  });

  test("the example of FIPS 180-2 appendix B.1", () => {
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
