import { describe, expect, test } from "vitest";
import { clausesOf, coverageOf, reportOf } from "./coverage.ts";
import { DarwinWorld } from "./darwin-world.ts";
import { checkWitnessed } from "./witness.ts";

describe("the contract of a host, on macOS (doubles of libSystem and of its programs)", () => {
  test.each(clausesOf("darwin"))("$port: $promise", async (clause) => {
    using world = new DarwinWorld();
    await checkWitnessed(clause, world.contract());
    expect(world.borders.system.openDescriptors.filter((kind) => kind !== "AF_SYSTEM control")).toEqual([]);
  });

  test("speaks of every method in every situation, or says why not", () => {
    console.log(reportOf("darwin"));
    expect(coverageOf("darwin")).toMatchObject({ uncovered: [], idle: [] });
  });
});
