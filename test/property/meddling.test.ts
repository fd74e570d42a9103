import fc from "fast-check";
import { expect, test } from "vitest";
import { FOREIGN_ACTS, foreignFaultArbitrary, KEEPER_DIES } from "./fault-arbitrary.ts";
import { rehearse } from "./laws.ts";
import { playWithForeign } from "./play-foreign.ts";
import { SEED } from "./seed.ts";
import { storyArbitrary } from "./story-arbitrary.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

const STORIES = 150;
const RUNS_PER_STORY = 16;

test("laws 1, 3, 4, 6: whatever others do meanwhile and afterwards", { timeout: 300_000 }, async () => {
  const tally = new Tally();
  const options = { makeup: AWG, tally, probesPerWrite: 6 };
  const meddling = fc.tuple(
    fc.array(foreignFaultArbitrary, { minLength: 1, maxLength: 2 }),
    fc.array(fc.constantFrom(...FOREIGN_ACTS, KEEPER_DIES), { minLength: 1, maxLength: 2 }),
  );
  const runs = fc.array(meddling, { minLength: RUNS_PER_STORY, maxLength: RUNS_PER_STORY });
  await fc.assert(
    fc.asyncProperty(storyArbitrary, runs, async (story, runsOfStory) => {
      const rehearsal = await rehearse(story, options);
      if (rehearsal === undefined) return;
      for (const [during, afterwards] of runsOfStory) await playWithForeign(rehearsal, during, afterwards, options);
    }),
    { seed: SEED, numRuns: STORIES },
  );
  console.log(`seed ${SEED}\n${tally.print()}`);
  for (const { act } of [...FOREIGN_ACTS, KEEPER_DIES]) expect(tally.get(`act ${act}`), act).toBeGreaterThan(0);
  expect(tally.get("runs with a fault") / tally.get("runs")).toBeGreaterThan(0.8);
});
