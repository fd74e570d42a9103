import { expect, test } from "vitest";
import { SCENARIOS } from "../reconciler/scenarios.ts";
import { playCuts, seededBelow } from "./cut-stories.ts";

test.each(Object.entries(SCENARIOS))("B5, law 5: the power is cut at any call of %s", async (name, scenario) => {
  const { calls, states, wrong } = await playCuts(scenario, { draws: 40, random: seededBelow(), settleEach: 3 });
  process.stdout.write(`${name}: ${states} states at ${calls} calls\n`);
  expect(wrong).toEqual([]);
});
