import fc from "fast-check";
import { ownFaultArbitrary } from "./fault-arbitrary.ts";
import { playWithFault, rehearse, type Story } from "./laws.ts";
import { SEED } from "./seed.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

/** How many stories, and how many fault points of each. */
export interface Amount {
  readonly stories: number;
  readonly faultsPerStory: number;
  /** AWG_SEED's, unless it is said. */
  readonly seed?: number;
}

/**
 * Tells so many random stories, each with so many random faults of the process or the machine, some with a second one
 * while the first is being recovered from. Throws with seed and shrunk counterexample where a law does not hold.
 */
export async function playStories(
  arbitrary: fc.Arbitrary<Story>,
  { stories, faultsPerStory, seed = SEED }: Amount,
): Promise<Tally> {
  const tally = new Tally();
  const options = { makeup: AWG, tally, probesPerWrite: 6 };
  const fault = fc.tuple(ownFaultArbitrary, fc.option(ownFaultArbitrary, { nil: undefined }));
  const faults = fc.array(fault, { minLength: faultsPerStory, maxLength: faultsPerStory });
  await fc.assert(
    fc.asyncProperty(arbitrary, faults, async (story, faultsOfStory) => {
      const rehearsal = await rehearse(story, options);
      if (rehearsal === undefined) return;
      for (const [first, again] of faultsOfStory) await playWithFault(rehearsal, first, again, options);
    }),
    { seed, numRuns: stories },
  );
  console.log(`seed ${seed}\n${tally.print()}`);
  return tally;
}

/** What a run of many stories must have met, or it proved nothing. */
export function shortcomings(tally: Tally, { stories, faultsPerStory }: Amount): string[] {
  const runs = tally.get("runs");
  const fired = tally.get("runs with a fault");
  const kinds = ["crash-before", "crash-after", "fail", "fail-late", "ignored"].filter(
    (kind) => tally.get(`fault ${kind}`) === 0,
  );
  return [
    ...(runs < stories * faultsPerStory * 0.7 ? [`only ${runs} runs`] : []),
    ...(fired < runs * 0.8 ? [`only ${fired} of ${runs} runs met a fault`] : []),
    ...(tally.get("faults during recovery") === 0 ? ["no fault during a recovery"] : []),
    ...kinds.map((kind) => `no fault of kind ${kind}`),
  ];
}
