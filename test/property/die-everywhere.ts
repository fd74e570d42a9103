import fc from "fast-check";
import { dieAfterEveryStep } from "./every-step.ts";
import type { Story } from "./laws.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

/** Tells so many random stories, with a death after every write of each. Throws with seed and shrunk counterexample. */
export async function dieEverywhere(reported: fc.Arbitrary<Story>, stories: number, seed: number): Promise<Tally> {
  const tally = new Tally();
  const options = { makeup: AWG, tally, probesPerWrite: 1 };
  await fc.assert(
    fc.asyncProperty(reported, (story) => dieAfterEveryStep(story, options)),
    { seed, numRuns: stories },
  );
  const ends = tally.names("recovered: ").map((name) => `${tally.get(name)} times ${name}`);
  console.log(`seed ${seed}: ${tally.get("stories told")} stories, ${tally.get("deaths")} deaths, ${ends.join(", ")}`);
  return tally;
}
