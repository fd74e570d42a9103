import fc from "fast-check";
import { expect, test } from "vitest";
import { ownPart, sharedPart } from "./obfuscation-arbitrary.ts";
import { talk } from "./two-engines.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

test("law 4: with any of 2,000 obfuscations two engines shake hands and carry data over a bad link", () => {
  fc.assert(
    fc.property(sharedPart, ownPart, ownPart, fc.nat(1_000_000), (shared, a, b, run) => {
      expect(talk({ ...shared, ...a }, { ...shared, ...b }, run)).toMatchObject({ heard: [true, true], wrong: 0 });
    }),
    { seed, numRuns: 2000 },
  );
});
