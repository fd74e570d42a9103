import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIp, renderIp } from "../../../src/model/ip.ts";
import { addressToBytes, bytesToAddress, prefixToBytes } from "../../../src/native/linux/address.codec.ts";
import { checkProperty } from "../../support/seeded.ts";

const addressBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Many zeros, so that "::" finds all its places.
  fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
);

describe("addresses as bytes", () => {
  it("come back from text as they were", () => {
    checkProperty(
      fc.property(addressBytes, (bytes) => {
        expect(addressToBytes(bytesToAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  it("are written as the model writes them", () => {
    checkProperty(
      fc.property(addressBytes, (bytes) => {
        const text = bytesToAddress(bytes);
        const parsed = parseIp(text);
        expect(parsed && renderIp(parsed)).toBe(text);
      }),
    );
  });

  it("are read from exactly the texts that Node takes for addresses", () => {
    const piece = fc.constantFrom(
      "0",
      "1",
      "ffff",
      "::",
      ":",
      ".",
      "255",
      "256",
      "01",
      "10",
      "g",
      "abcd",
      "1.2.3.4",
      "%",
    );
    checkProperty(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        if (isIP(text) === 0 || text.includes("%")) expect(() => addressToBytes(text)).toThrow("is not an IP address");
        else expect(addressToBytes(text)).toHaveLength(isIP(text) === 4 ? 4 : 16);
      }),
      2000,
    );
  });

  it.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/x", "10.0.0.0/1.5"])("refuse %s", (text) => {
    expect(() => prefixToBytes(text)).toThrow("is not a prefix");
  });

  it("give a bare address its full length", () => {
    expect(prefixToBytes("10.0.0.1")).toEqual({ family: 4, address: Uint8Array.of(10, 0, 0, 1), length: 32 });
    expect(prefixToBytes("fd00::/8").length).toBe(8);
  });
});
