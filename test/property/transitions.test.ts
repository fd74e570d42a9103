import fc from "fast-check";
import { expect, test } from "vitest";
import { driverRegistry } from "../../src/resources/registry.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import { ownFaultArbitrary } from "./fault-arbitrary.ts";
import { playWithFault, rehearse } from "./laws.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";
import { SEED } from "./seed.ts";
import { Tally } from "./tally.ts";

const STORIES = 100;
const FAULTS_PER_STORY = 10;

test("laws 1, 3, 4, 5, 6: whatever fails or dies while one configuration gives way to another", async () => {
  const tally = new Tally();
  const options = { registry: driverRegistry, tally, probesPerWrite: 12 };
  const story = fc.record({
    start: machineArbitrary,
    before: fc.option(configArbitrary, { nil: null, freq: 4 }),
    after: fc.option(configArbitrary, { nil: null, freq: 6 }),
    faults: fc.array(fc.tuple(ownFaultArbitrary, fc.option(ownFaultArbitrary, { nil: undefined })), {
      minLength: FAULTS_PER_STORY,
      maxLength: FAULTS_PER_STORY,
    }),
  });
  await fc.assert(
    fc.asyncProperty(story, async ({ faults, ...told }) => {
      const rehearsal = await rehearse(told, options);
      if (rehearsal === undefined) return;
      for (const [fault, again] of faults) await playWithFault(rehearsal, fault, again, options);
    }),
    { seed: SEED, numRuns: STORIES },
  );
  console.log(`seed ${SEED}\n${tally.print()}`);
  expect(tally.get("runs")).toBeGreaterThan(0);
}, 300_000);
