import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hmacSha256, sha256, sha256Hex } from "../../src/model/sha256.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const bytes = fc.uint8Array({ maxLength: 300 });

test("SHA-256 is the platform's, over every length around the block's", () => {
  for (let length = 0; length < 200; length += 1) {
    const message = new Uint8Array(length).fill(length);
    expect(Buffer.from(sha256(message)).toString("hex")).toBe(createHash("sha256").update(message).digest("hex"));
  }
  expect(sha256Hex("ü")).toBe(createHash("sha256").update("ü").digest("hex"));
});

test("HMAC-SHA-256 is the platform's, for keys of up to a block", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes, (key, message) => {
      const expected = createHmac("sha256", key).update(message).digest("hex");
      expect(Buffer.from(hmacSha256(key, message)).toString("hex")).toBe(expected);
    }),
    { seed, numRuns: 300 },
  );
});
