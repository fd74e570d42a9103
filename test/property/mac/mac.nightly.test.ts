import { expect, test } from "vitest";
import { dieEverywhere } from "../die-everywhere.ts";
import { meddle } from "../meddle.ts";
import { playStories, shortcomings } from "../play-stories.ts";
import { SEED } from "../seed.ts";
import { MAC_ACTS } from "./mac-machine.ts";
import { macStories } from "./mac-stories.ts";

/** AWG_STORIES makes it more or fewer. */
const STORIES = Number(process.env["AWG_STORIES"] ?? 2_000);
/** Each part has a seed of its own, so that what breaks is told soon and told again soon. */
const STORIES_PER_PART = 250;

const seeds = Array.from({ length: Math.ceil(STORIES / STORIES_PER_PART) }, (_, part) => SEED + part);

test.each(seeds)(
  "H, B1, laws 1, 4, 5: a Mac dead after whichever write of 250 random stories, seed %i",
  async (seed) => {
    const tally = await dieEverywhere(macStories.any, STORIES_PER_PART, seed);
    expect(tally.get("stories told")).toBeGreaterThan(STORIES_PER_PART * 0.6);
  },
);

test.each(seeds)(
  "H, B14, laws 1, 3, 4, 5, 6: 250 random stories of a Mac, twelve faults each, seed %i",
  async (seed) => {
    const amount = { stories: STORIES_PER_PART, faultsPerStory: 12, seed };
    expect(shortcomings(await playStories(macStories.any, amount), amount)).toEqual([]);
  },
);

test.each(seeds)(
  "H, B14, laws 1, 3, 4, 6: others meddle sixteen times with 250 random stories of a Mac, seed %i",
  async (seed) => {
    const tally = await meddle(macStories.any, MAC_ACTS, STORIES_PER_PART, seed);
    for (const { act } of MAC_ACTS) expect(tally.get(`act ${act}`), act).toBeGreaterThan(0);
  },
);
