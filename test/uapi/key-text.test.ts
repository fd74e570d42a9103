import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bytesToBase64,
  bytesToHex,
  clampPrivateKey,
  isZeroKey,
  keyFromBase64,
  keyFromBase64Bytes,
  keyFromHex,
} from "../../src/uapi/key-text.ts";
import { checkProperty } from "../support/seeded.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("keys survive both texts", () => {
  checkProperty(
    fc.property(key, (bytes) => {
      expect(keyFromHex(bytesToHex(bytes))).toEqual(bytes);
      expect(keyFromBase64(bytesToBase64(bytes))).toEqual(bytes);
      expect(keyFromBase64Bytes(Buffer.from(`\ufeff \t${bytesToBase64(bytes)}\r\n`))).toEqual(bytes);
      expect(bytesToBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    }),
  );
});

test.each(["", "00", "0".repeat(63), "0".repeat(65), "g".repeat(64)])("%j is no key in hex", (text) => {
  expect(keyFromHex(text)).toBeUndefined();
});

test.each(["", "A".repeat(44), `${"A".repeat(42)}B=`, `${"A".repeat(43)}`, `${"-".repeat(43)}=`])(
  "%j is no key in base64",
  (text) => {
    expect(keyFromBase64(text)).toBeUndefined();
    expect(keyFromBase64Bytes(Buffer.from(text))).toBeUndefined();
  },
);

test("what is no key in base64 as text is none as bytes", () => {
  const digit = fc.constantFrom(..."AZaz09+/=-_ \n\u00e9B");
  const text = fc.array(digit, { minLength: 42, maxLength: 46 }).map((digits) => digits.join(""));
  checkProperty(
    fc.property(
      fc.oneof(
        text,
        key.map((bytes) => bytesToBase64(bytes).replace("=", "")),
        text,
      ),
      (some) => {
        for (const one of [some, `${some.slice(0, 43)}=`]) {
          expect(keyFromBase64Bytes(Buffer.from(one))).toEqual(keyFromBase64(one.replace(/^[ \n]+|[ \n]+$/g, "")));
        }
      },
    ),
  );
});

test("clamping sets the five bits of RFC 7748 and nothing else, once", () => {
  checkProperty(
    fc.property(key, (bytes) => {
      const clamped = clampPrivateKey(bytes);
      expect((clamped[0] ?? 0) & 7).toBe(0);
      expect((clamped[31] ?? 0) >> 6).toBe(1);
      expect(clamped.subarray(1, 31)).toEqual(bytes.subarray(1, 31));
      expect(clampPrivateKey(clamped)).toEqual(clamped);
    }),
  );
});

test("only a key of zeros is none", () => {
  expect(isZeroKey(new Uint8Array(32))).toBe(true);
  expect(isZeroKey(new Uint8Array(32).with(31, 1))).toBe(false);
});
