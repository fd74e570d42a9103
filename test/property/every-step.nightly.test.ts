import { expect, test } from "vitest";
import { dieEverywhere } from "./die-everywhere.ts";
import { SEED } from "./seed.ts";
import { laptopStories } from "./story-arbitrary.ts";

/** AWG_STORIES makes it more or fewer. One in twenty cannot be told: the machine it begins on refuses it as a conflict. */
const STORIES = Number(process.env["AWG_STORIES"] ?? 10_500);
/** Each part has a seed of its own, so that what breaks is told soon and told again soon. */
const STORIES_PER_PART = 500;

const seeds = Array.from({ length: Math.ceil(STORIES / STORIES_PER_PART) }, (_, part) => SEED + part);

test.each(seeds)("B1, laws 1, 4, 5: dead after whichever write of 500 random stories, seed %i", async (seed) => {
  const tally = await dieEverywhere(laptopStories.any, STORIES_PER_PART, seed);
  expect(tally.get("stories told")).toBeGreaterThan(STORIES_PER_PART * 0.8);
});
