import { expect, test } from "vitest";
import { dieEverywhere } from "./die-everywhere.ts";
import { SEED } from "./seed.ts";
import { laptopStories } from "./story-arbitrary.ts";

const STORIES = 12;

test("B1, laws 1, 4, 5: dead after whichever write of a random story, awg comes back to old or new and goes on", {
  timeout: 300_000,
}, async () => {
  const tally = await dieEverywhere(laptopStories.any, STORIES, SEED);
  expect(tally.get("stories told")).toBeGreaterThan(STORIES * 0.8);
  for (const end of ["nothing to do", "rolledBack", "applied"])
    expect(tally.get(`recovered: ${end}`)).toBeGreaterThan(0);
  expect(tally.get("went on behind the policy")).toBeGreaterThan(50);
});
