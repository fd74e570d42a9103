import fc from "fast-check";
import type { ForeignAct } from "../../src/host/simulated/faults.ts";
import { foreignFaultOf } from "./fault-arbitrary.ts";
import { rehearse, type Story } from "./laws.ts";
import { playWithForeign } from "./play-foreign.ts";
import { SEED } from "./seed.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

const RUNS_PER_STORY = 16;

/** Tells so many stories, each sixteen times with one or two of these acts meanwhile and one or two afterwards. */
export async function meddle(
  stories: fc.Arbitrary<Story>,
  acts: readonly ForeignAct[],
  numRuns: number,
  seed = SEED,
): Promise<Tally> {
  const tally = new Tally();
  const options = { makeup: AWG, tally, probesPerWrite: 6 };
  const meddling = fc.tuple(
    fc.array(foreignFaultOf(acts), { minLength: 1, maxLength: 2 }),
    fc.array(fc.constantFrom(...acts), { minLength: 1, maxLength: 2 }),
  );
  const runs = fc.array(meddling, { minLength: RUNS_PER_STORY, maxLength: RUNS_PER_STORY });
  await fc.assert(
    fc.asyncProperty(stories, runs, async (story, runsOfStory) => {
      const rehearsal = await rehearse(story, options);
      if (rehearsal === undefined) return;
      for (const [during, afterwards] of runsOfStory) await playWithForeign(rehearsal, during, afterwards, options);
    }),
    { seed, numRuns },
  );
  console.log(`seed ${seed}\n${tally.print()}`);
  return tally;
}
