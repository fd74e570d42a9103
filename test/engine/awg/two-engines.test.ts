import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AMNEZIA_VERSIONS } from "../../../src/config/section/obfuscation.ts";
import { generationOf, isOlder } from "../../../src/engine/awg/generation.ts";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import { sized } from "../../support/size.ts";
import { GOOD_LINK } from "../support/link.ts";
import { ownPart, ownPartOf15, sharedPart, sharedPartOf15 } from "./obfuscation-arbitrary.ts";
import { talk } from "./two-engines.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
/** Several handshakes long, on a link that loses nothing. */
const SILENCE_MS = 30_000;
const numRuns = 16;
const ALL = { heard: [true, true], wrong: 0, lost: 0 };

/** The same parameters with a generation named that has them all; `pick` chooses among these and none. */
function named(values: UapiParameters, pick: number): UapiParameters {
  const fitting = AMNEZIA_VERSIONS.filter((version) => !isOlder(version, generationOf(values)));
  const generation = [...fitting, undefined][pick % (fitting.length + 1)];
  return generation === undefined ? values : { ...values, awg_generation: generation };
}

describe("two engines", () => {
  test("law 4: with any obfuscation that validates they shake hands and carry data over a bad link", () => {
    fc.assert(
      fc.property(sharedPart, ownPart, ownPart, fc.nat(1_000_000), (shared, a, b, run) => {
        expect(talk({ ...shared, ...a }, { ...shared, ...b }, run)).toMatchObject({ heard: [true, true], wrong: 0 });
      }),
      { seed, numRuns: sized(numRuns, 2_000) },
    );
  });

  test("law 4: over a link that loses nothing, nothing is lost, whichever generation each end names", () => {
    fc.assert(
      fc.property(sharedPart, ownPart, ownPart, fc.nat(1_000_000), (shared, a, b, run) => {
        const [one, other] = [named({ ...shared, ...a }, run), named({ ...shared, ...b }, run >> 3)];
        expect(talk(one, other, run, GOOD_LINK)).toEqual(ALL);
      }),
      { seed, numRuns },
    );
  });

  test("law 4: nor with what only 1.5 has", () => {
    fc.assert(
      fc.property(sharedPartOf15, ownPartOf15, ownPartOf15, fc.nat(1_000_000), (shared, a, b, run) => {
        expect(talk({ ...shared, ...a }, { ...shared, ...b }, run, GOOD_LINK)).toEqual(ALL);
      }),
      { seed, numRuns },
    );
  });

  test("law 4: one with only its own part talks to plain WireGuard, whoever begins", () => {
    fc.assert(
      fc.property(ownPart, fc.boolean(), fc.nat(1_000_000), (own, isFirst, run) => {
        const [a, b] = isFirst ? [own, {}] : [{}, own];
        // Plain WireGuard drops content padding of keepalives as no IP packet, so data decides.
        expect(talk(a, b, run)).toMatchObject({ heard: [true, true], wrong: 0 });
      }),
      { seed, numRuns },
    );
  });

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ["another s1", { s1: "15" }, { s1: "16" }],
    ["another h1", { h1: "5" }, { h1: "6" }],
    ["a range on one side only, the answers out of it", { h1: "5-9" }, { h1: "100-200" }],
    [
      "a mask on one side only",
      { s1: "12", s2: "13", s3: "14", s4: "15", header_protection_key: "07".repeat(32) },
      { s1: "12", s2: "13", s3: "14", s4: "15" },
    ],
    ["trailers against none", { random_trailers: "1" }, {}],
  ])("what must be the same and is not is silence: %s", (_name, a, b) => {
    expect(talk(a, b, 3, GOOD_LINK, SILENCE_MS).heard).not.toEqual([true, true]);
  });

  test("padding of data on one side only: the side that pads is not heard", () => {
    expect(talk({ s4: "15" }, {}, 3, GOOD_LINK, SILENCE_MS).heard).not.toEqual([true, true]);
  });

  test("a smaller range inside the other's is heard where the answers fit too", () => {
    expect(talk({ h1: "5-9", h2: "100" }, { h1: "5-90", h2: "100" }, 3, GOOD_LINK).heard).toEqual([true, true]);
  });
});
