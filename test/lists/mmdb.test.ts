import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countryPrefixes } from "../../src/lists/mmdb.ts";
import { AwgError } from "../../src/model/error.ts";
import { SEED } from "../support/seeded.ts";
import { buildDatabase } from "./database.ts";

const NETWORKS = [
  ["1.0.0.0/24", "AU"],
  ["1.0.1.0/24", "CN"],
  ["5.1.0.0/16", "DE"],
  ["5.2.0.0/16", "DE"],
  ["5.4.0.0/15", "DE"],
  ["2001:db8::/32", "DE"],
  ["2a00:1450::/29", "DE"],
  ["2a01::/16", "CN"],
] as const;

describe("databases of countries", () => {
  test.each([24, 28, 32] as const)("the networks of a country, with records of %i bits", (recordBits) => {
    const { prefixes } = countryPrefixes("x.mmdb", buildDatabase(NETWORKS, { recordBits }), "DE");
    expect(prefixes).toEqual(["5.1.0.0/16", "5.2.0.0/16", "5.4.0.0/15", "2001:db8::/32", "2a00:1450::/29"]);
  });

  test("a database of IPv4 alone", () => {
    const some = NETWORKS.filter(([prefix]) => !prefix.includes(":"));
    expect(countryPrefixes("x", buildDatabase(some, { version: 4 }), "CN").prefixes).toEqual(["1.0.1.0/24"]);
  });

  test("an unknown country and another file are errors that name the file", () => {
    const bytes = buildDatabase(NETWORKS);
    expect(() => countryPrefixes("/x.mmdb", bytes, "FR")).toThrow("/x.mmdb: the database has no network of FR");
    expect(() => countryPrefixes("/x.mmdb", new Uint8Array(99), "FR")).toThrow("/x.mmdb: the file is not a MaxMind");
  });

  test("damaged databases end in an error, never in a crash or a hang", () => {
    const bytes = buildDatabase(NETWORKS);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
        const damaged = bytes.slice(0, length < bytes.length / 2 ? bytes.length : length);
        damaged[at] = value;
        try {
          countryPrefixes("x", damaged, "DE");
        } catch (error) {
          expect(error).toBeInstanceOf(AwgError);
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});
