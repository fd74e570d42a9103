import { afterEach, describe, expect, test } from "vitest";
import { LeakError } from "../reconciler/run.ts";
import { SCENARIOS, type Scenario, state } from "../reconciler/scenarios.ts";
import { playCuts, seededBelow } from "../state/cut-stories.ts";
import { dieAtEachCall } from "../state/die-at-call.ts";
import { countOf, isFullSize, sized } from "../support/size.ts";
import { dieEverywhere } from "./die-everywhere.ts";
import { exampleStories, examples } from "./example-stories.ts";
import { failWrites } from "./failing-writes.ts";
import { SEED } from "./seed.ts";
import { laptopStories } from "./story-arbitrary.ts";

// What happens at each step of a change, on the simulated machine and with a real or modelled state folder: awg dies after
// a write, a write fails, the process dies at a call of the file system, the power is cut.

const limit = { timeout: sized(300_000, 14_400_000) };
const scenario = (name: string): Scenario => SCENARIOS[name] as Scenario;

describe("awg dies after any write to the machine", () => {
  /** At full size each part has a seed of its own, so that a failure is reported early and can be repeated alone. */
  const storiesPerPart = sized(12, 500);
  const parts = isFullSize ? Math.ceil(countOf("AWG_STORIES", 0, 10_500) / storiesPerPart) : 1;
  const seeds = Array.from({ length: parts }, (_, part) => SEED + part);

  test.each(seeds)(
    `B1, laws 1, 4, 5: in ${storiesPerPart} random stories, seed %i: awg recovers the old or the new state`,
    limit,
    async (seed) => {
      const tally = await dieEverywhere(laptopStories.any, storiesPerPart, seed);
      // One in twenty cannot be played: its first machine refuses it as a conflict.
      expect(tally.get("stories told")).toBeGreaterThan(storiesPerPart * 0.8);
      for (const end of ["nothing to do", "rolledBack", "applied"])
        expect(tally.get(`recovered: ${end}`)).toBeGreaterThan(0);
      expect(tally.get("went on behind the policy")).toBeGreaterThan(50);
    },
  );
});

describe("a write to the machine fails with each errno, once and for ever", () => {
  if (!isFullSize)
    test("B4, laws 1, 3, 4, 5, 6: the first write of each kind", limit, async () => {
      const tally = await failWrites(
        examples.flatMap((name) => exampleStories(name)),
        "first of each name",
      );
      console.log(tally.print());
      expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
      for (const name of ["link.create", "engine.configure", "route.add", "rule.add", "firewall.load", "sysctl.write"])
        expect(tally.get(`write ${name}`), name).toBe(1);
      for (const outcome of ["applied", "rolledBack", "rollbackIncomplete", "failed before it began"])
        expect(tally.get(`outcome: ${outcome}`), outcome).toBeGreaterThan(0);
    });
  else
    test.each(examples)("B4, laws 1, 3, 4, 5, 6: every write of %s", limit, async (name) => {
      const tally = await failWrites(exampleStories(name), "all");
      console.log(tally.print());
      expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
    });
});

describe("the process dies at any call of the file system", () => {
  afterEach(() => {
    expect(LeakError.seen).toEqual([]);
  });

  const first = scenario("first apply");
  const changes: Readonly<Record<string, Scenario>> = {
    "a first apply": first,
    "a destroy": { from: first.to, to: state() },
    "a change": scenario("new server, routes, policy and resolver"),
  };

  test.each(Object.entries(changes))("law 5: before each call of %s", limit, async (_name, change) => {
    expect(await dieAtEachCall(change, false)).toBeGreaterThanOrEqual(40);
  });

  test.each(Object.entries(changes))("law 5: in the middle of each write of %s", limit, async (_name, change) => {
    expect(await dieAtEachCall(change, true)).toBeGreaterThanOrEqual(10);
  });
});

describe("the power is cut, and what was not synced is lost, in any order", () => {
  const names = sized(["first apply", "new server, routes, policy and resolver", "destroy"], Object.keys(SCENARIOS));

  test.each(names)("B5, law 5: at any call of %s: all that was promised is read", limit, async (name) => {
    const { calls, states, wrong } = await playCuts(scenario(name), {
      draws: sized(2, 40),
      random: seededBelow(),
      settleEach: sized(40, 3),
    });
    console.log(`${name}: ${states} states at ${calls} calls`);
    expect(wrong).toEqual([]);
    expect(calls).toBeGreaterThan(sized(60, 0));
    expect(states).toBeGreaterThan(calls);
  });

  test.each(["files", "folders"] as const)("B5: a program that does not sync its %s is found", async (neglect) => {
    const { wrong } = await playCuts(scenario("first apply"), {
      draws: 0,
      random: seededBelow(),
      settleEach: 0,
      neglect,
    });
    expect(wrong.length).toBeGreaterThan(10);
  });
});
