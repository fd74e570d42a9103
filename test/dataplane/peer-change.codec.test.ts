import fc from "fast-check";
import { expect, test } from "vitest";
import type { PeerChange, WireEndpoint } from "../../src/dataplane/contract.ts";
import { decodePeerChanges, encodePeerChanges } from "../../src/dataplane/peer-change.codec.ts";
import { checkProperty } from "../support/seeded.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const word = fc.nat({ max: 0xffff_ffff });
const endpoint: fc.Arbitrary<WireEndpoint> = fc.record({
  address: fc.constantFrom(4, 16).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
  port: fc.nat({ max: 65_535 }),
  scope: word,
});
const prefix = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.record({
    family: fc.constant(family),
    address: fc.bigInt({ min: 0n, max: (1n << (family === 4 ? 32n : 128n)) - 1n }),
    length: fc.nat({ max: family === 4 ? 32 : 128 }),
  }),
);
const settings = fc.record(
  {
    publicKey: key,
    presharedKey: key,
    endpoint,
    endpoints: fc.array(endpoint, { maxLength: 16 }),
    persistentKeepalive: fc.record({ low: word, high: word }),
  },
  { requiredKeys: ["publicKey"] },
);
const prefixes = fc.array(prefix, { maxLength: 40 });
const change: fc.Arbitrary<PeerChange> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), settings, movesBack: fc.boolean() }),
  fc.record({ kind: fc.constant("prefixes" as const), publicKey: key, add: prefixes, remove: prefixes }),
  fc.record({ kind: fc.constantFrom("connect" as const, "shakeHands" as const, "remove" as const), publicKey: key }),
);

test("changes of peers are read as they were written", () => {
  checkProperty(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      expect([...decodePeerChanges(encodePeerChanges(changes))]).toEqual(changes);
    }),
    100,
  );
});
