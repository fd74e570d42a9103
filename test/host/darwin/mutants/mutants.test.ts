import { afterAll, describe, expect, test } from "vitest";
import { abiObstacle } from "../fake/abi.ts";
import { MUTANTS } from "./mutants.ts";
import { fromEmptyToEmpty } from "./scenario.ts";

describe.skipIf(abiObstacle !== undefined)(`mutants of what awg says to macOS (${abiObstacle ?? "all die"})`, () => {
  const deaths: string[] = [];
  afterAll(() => console.log(`${deaths.length} mutants\n${deaths.join("\n")}`));

  test("without a mutation the scenario runs from an empty Mac to an empty Mac", () => fromEmptyToEmpty({}));

  test("there are at least 20 of them, each with its own name", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
  });

  test.each(abiObstacle === undefined ? MUTANTS : [])("$name (darwin-notes $breaks) dies", async (mutant) => {
    const death = await fromEmptyToEmpty(mutant).then(
      () => "it lived",
      (error: unknown) => String(error),
    );
    deaths.push(`${mutant.name}: ${death.split("\n")[0]}`);
    expect(death).not.toBe("it lived");
  });
});
