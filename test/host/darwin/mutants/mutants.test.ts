import { afterAll, describe, expect, test } from "vitest";
import { DEATHS } from "./deaths.ts";
import { MUTANTS, UNBENT } from "./mutants.ts";
import { fromEmptyToEmpty } from "./scenario.ts";

describe("mutants of what awg says to macOS (all die)", () => {
  const deaths: string[] = [];
  afterAll(() => console.log(`${deaths.length} mutants\n${deaths.join("\n")}`));

  test("without a mutation the scenario runs from an empty Mac to an empty Mac", () => fromEmptyToEmpty({}));

  test.each(UNBENT)("$name bent to what they are live", (bend) => fromEmptyToEmpty(bend));

  test("there are at least 20 of them, each with its own name", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
    expect(Object.keys(DEATHS).toSorted()).toEqual(MUTANTS.map(({ name }) => name).toSorted());
  });

  test.each(MUTANTS)("$name (darwin-notes $breaks) dies of what it breaks", async (mutant) => {
    const death = await fromEmptyToEmpty(mutant).then(
      () => "it lived",
      (error: unknown) => String(error),
    );
    deaths.push(`${mutant.name}: ${death.split("\n")[0]}`);
    expect(death.split("\n")[0]).toContain(DEATHS[mutant.name] ?? "of a reason that is named");
  });
});
