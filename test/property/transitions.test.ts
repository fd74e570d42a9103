import fc from "fast-check";
import { expect, test } from "vitest";
import { driverRegistry } from "../../src/resources/registry.ts";
import { ownFaultArbitrary } from "./fault-arbitrary.ts";
import { playWithFault, rehearse } from "./laws.ts";
import { SEED } from "./seed.ts";
import { storyArbitrary } from "./story-arbitrary.ts";
import { Tally } from "./tally.ts";

const STORIES = 100;
const FAULTS_PER_STORY = 10;

test("laws 1, 3, 4, 5, 6: whatever fails or dies while one configuration gives way to another", async () => {
  const tally = new Tally();
  const options = { registry: driverRegistry, tally, probesPerWrite: 12 };
  const faults = fc.array(fc.tuple(ownFaultArbitrary, fc.option(ownFaultArbitrary, { nil: undefined })), {
    minLength: FAULTS_PER_STORY,
    maxLength: FAULTS_PER_STORY,
  });
  await fc.assert(
    fc.asyncProperty(storyArbitrary, faults, async (story, faultsOfStory) => {
      const rehearsal = await rehearse(story, options);
      if (rehearsal === undefined) return;
      for (const [fault, again] of faultsOfStory) await playWithFault(rehearsal, fault, again, options);
    }),
    { seed: SEED, numRuns: STORIES },
  );
  console.log(`seed ${SEED}\n${tally.print()}`);
  expect(tally.get("runs")).toBeGreaterThan(0);
}, 300_000);
