import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeaderMask } from "../../../src/engine/awg/header-mask.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { vectors } from "../support/vectors.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

interface Vectors {
  readonly key: string;
  readonly vectors: readonly { readonly nonce: string; readonly keystream_160: string }[];
}

function keystream(key: Uint8Array, nonce: Uint8Array, length: number): string {
  const bytes = new Uint8Array(12 + length);
  bytes.set(nonce);
  new HeaderMask(key).apply(new DataView(bytes.buffer), 0, 12, length);
  return Buffer.from(bytes.subarray(12)).toString("hex");
}

describe("the mask over headers", () => {
  test("is that of the recorded vectors", () => {
    const { key, vectors: recorded } = vectors<Vectors>("awg3_header_protection.json");
    expect(recorded.length).toBeGreaterThanOrEqual(3);
    for (const { nonce, keystream_160: expected } of recorded) {
      expect(keystream(Buffer.from(key, "hex"), Buffer.from(nonce, "hex"), 160)).toBe(expected);
    }
  });

  test("is ChaCha20 for any key, nonce and length", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.nat(200), (key, nonce, length) => {
        const expected = Buffer.from(NOBLE_CRYPTO.chacha20Keystream(key, nonce, length)).toString("hex");
        expect(keystream(key, nonce, length)).toBe(expected);
      }),
      { seed, numRuns: 300 },
    );
  });

  test("laid twice it is off again; words can be read without writing", () => {
    const mask = new HeaderMask(new Uint8Array(32).fill(3));
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => index);
    const view = new DataView(bytes.buffer);
    const before = bytes.slice();
    mask.apply(view, 0, 12, 50);
    expect(bytes).not.toEqual(before);
    mask.apply(view, 0, 12, 50);
    expect(bytes).toEqual(before);
    const first = mask.firstWord(view, 0);
    const words = [first, mask.word(1), mask.word(2), mask.word(3)];
    const stream = NOBLE_CRYPTO.chacha20Keystream(new Uint8Array(32).fill(3), bytes.slice(0, 12), 16);
    expect(words).toEqual([...new Uint32Array(stream.buffer)]);
    expect(bytes).toEqual(before);
  });

  test("law 8: a wiped mask is that of no key we had", () => {
    const mask = new HeaderMask(new Uint8Array(32).fill(3));
    const view = new DataView(new ArrayBuffer(16));
    const before = mask.firstWord(view, 0);
    mask.wipe();
    expect(mask.firstWord(view, 0)).not.toBe(before);
    expect(mask.firstWord(view, 0)).toBe(0);
  });
});
