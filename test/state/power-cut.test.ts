import { describe, expect, test } from "vitest";
import { SCENARIOS, type Scenario } from "../reconciler/scenarios.ts";
import { playCuts, seededBelow } from "./cut-stories.ts";

const scenario = (name: string): Scenario => SCENARIOS[name] as Scenario;

describe("B5, law 5: the power is cut, and what was not synced is lost, in any order", () => {
  test.each(["first apply", "new server, routes, policy and resolver", "destroy"])(
    "%s: after any call of the file system everything promised is read, and the change can be made",
    async (name) => {
      const { calls, states, wrong } = await playCuts(scenario(name), {
        draws: 2,
        random: seededBelow(),
        settleEach: 40,
      });
      expect(wrong).toEqual([]);
      expect(calls).toBeGreaterThan(60);
      expect(states).toBeGreaterThan(calls);
    },
  );

  test.each(["files", "folders"] as const)("a program that does not sync its %s is found", async (neglect) => {
    const { wrong } = await playCuts(scenario("first apply"), {
      draws: 0,
      random: seededBelow(),
      settleEach: 0,
      neglect,
    });
    expect(wrong.length).toBeGreaterThan(10);
  });
});
