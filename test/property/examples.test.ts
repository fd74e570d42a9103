import { describe, expect, test } from "vitest";
import type { Fault } from "../../src/host/simulated/faults.ts";
import { exampleAfter, exampleStories, examples } from "./example-stories.ts";
import { playWithFaultAt, rehearse } from "./laws.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

/** Dead before a write is what dead after the one before it is: that is asked of the first write alone. */
const CRASH_BEFORE: Fault = { kind: "crash-before" };
const CRASH_AFTER: Fault = { kind: "crash-after" };
/** One write is refused once, the next one for ever: what follows a refusal is the same for neighbours. */
const REFUSALS: readonly Fault[] = [
  { kind: "fail", error: "host", times: 1 },
  { kind: "fail", error: "host", times: 100_000 },
];

function faultsAt(write: number): readonly Fault[] {
  if (write === 1) return [CRASH_BEFORE, CRASH_AFTER, ...REFUSALS];
  return [CRASH_AFTER, ...REFUSALS.slice(write % 2, 1 + (write % 2))];
}

describe("B1: every fault point of every example", () => {
  test("there are examples", () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples.map((name) => [name, exampleAfter(name)] as const))(
    "%s: applied, exchanged for %s, destroyed",
    { timeout: 300_000 },
    async (name) => {
      const tally = new Tally();
      const options = { makeup: AWG, tally, probesPerWrite: 4 };
      for (const story of exampleStories(name)) {
        const rehearsal = await rehearse(story, options);
        if (rehearsal === undefined) throw new Error(`${name} cannot be applied here:\n${tally.print()}`);
        for (let at = 1; at <= rehearsal.writes; at += 1) {
          for (const fault of faultsAt(at)) await playWithFaultAt(rehearsal, { at, fault }, undefined, options);
        }
      }
      console.log(`${name}: ${tally.get("runs")} fault points`);
      expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
    },
  );
});
