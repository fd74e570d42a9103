import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32, decodeLines, encodeLine } from "../../src/state/line.codec.ts";

const SEED = Number(process.env["AWG_SEED"] ?? 20261121);

function joined(values: readonly unknown[]): Buffer {
  return Buffer.concat(values.map(encodeLine));
}

describe("lines", () => {
  test("CRC-32 is that of zlib", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      }),
      { seed: SEED },
    );
  });

  test("what is encoded is decoded", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), (values) => {
        // JSON has no negative zero.
        const plain = JSON.parse(JSON.stringify(values));
        const bytes = joined(plain);
        expect(decodeLines(bytes)).toEqual({ values: plain, validBytes: bytes.length, defect: undefined });
      }),
      { seed: SEED },
    );
  });

  test("cut at every byte: whole lines are kept, the unfinished one counts as torn", () => {
    const values = [{ a: 1 }, { text: "ü\n" }, [1, 2, 3]];
    const bytes = joined(values);
    const ends = values.map((_, index) => joined(values.slice(0, index + 1)).length);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length;
      const { values: read, validBytes, defect } = decodeLines(bytes.subarray(0, cut));
      expect(read).toEqual(values.slice(0, whole));
      expect(validBytes).toBe(ends[whole - 1] ?? 0);
      expect(defect?.kind).toBe(cut === validBytes ? undefined : "torn");
    }
  });

  test("a changed bit anywhere in a finished line is corruption, never a torn line and never another value", () => {
    const values = [{ a: 1 }, { b: [2, "x y@"] }];
    const bytes = joined(values);
    const firstEnd = joined(values.slice(0, 1)).length;
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const { values: read, defect } = decodeLines(changed);
        expect(read).toEqual(at < firstEnd ? [] : values.slice(0, 1));
        expect([at, bit, defect?.kind]).toEqual([at, bit, "corrupt"]);
      }
    }
  });

  test("a last line with unwritten blocks is torn; one in the middle is corruption", () => {
    const bytes = joined([{ a: 1 }, { b: "long enough to lose a block" }]);
    const firstEnd = joined([{ a: 1 }]).length;
    const holes = [
      [firstEnd + 20, bytes.length - 5],
      [firstEnd, firstEnd + 1],
      [bytes.length - 1, bytes.length],
      [firstEnd, bytes.length],
    ] as const;
    for (const [from, to] of holes) {
      const holed = Uint8Array.from(bytes).fill(0, from, to);
      expect(decodeLines(holed)).toEqual({
        values: [{ a: 1 }],
        validBytes: firstEnd,
        defect: { kind: "torn", offset: firstEnd },
      });
      if (to < bytes.length) expect(decodeLines(Buffer.concat([holed, encodeLine(1)])).defect?.kind).toBe("corrupt");
    }
  });

  test("any bytes are read without an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeLines(bytes).validBytes).toBeLessThanOrEqual(bytes.length);
      }),
      { seed: SEED },
    );
  });
});
