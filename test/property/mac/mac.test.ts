import { expect, test } from "vitest";
import { countOf, isFullSize, sized } from "../../support/size.ts";
import { dieEverywhere } from "../die-everywhere.ts";
import { meddle } from "../meddle.ts";
import { playStories, shortcomings } from "../play-stories.ts";
import { SEED } from "../seed.ts";
import { MAC_ACTS } from "./mac-machine.ts";
import { macStories } from "./mac-stories.ts";

const limit = { timeout: sized(300_000, 14_400_000) };
/** At full size each part has a seed of its own, so that a failure is reported early and can be repeated alone. */
const partSize = 250;
const seeds = isFullSize
  ? Array.from({ length: Math.ceil(countOf("AWG_STORIES", 0, 2_000) / partSize) }, (_, part) => SEED + part)
  : [SEED];

test.each(seeds)(
  "H, B1, laws 1, 4, 5: a Mac dead after any write of a random story recovers the old or the new state, seed %i",
  limit,
  async (seed) => {
    const stories = sized(10, partSize);
    const tally = await dieEverywhere(macStories.any, stories, seed);
    expect(tally.get("stories told")).toBeGreaterThan(stories * 0.5);
    for (const end of ["rolledBack", "applied"]) expect(tally.get(`recovered: ${end}`), end).toBeGreaterThan(0);
  },
);

test.each(seeds)(
  "H, B14, laws 1, 3, 4, 5, 6: random stories of a Mac with faults: calls fail, are ignored or kill awg, seed %i",
  limit,
  async (seed) => {
    const amount = { ...sized({ stories: 30, faultsPerStory: 8 }, { stories: partSize, faultsPerStory: 12 }), seed };
    const tally = await playStories(macStories.any, amount);
    expect(shortcomings(tally, amount)).toEqual([]);
    for (const kind of ["link", "tunnel", "routes", "firewall", "resolver"])
      expect(tally.names(`step ${kind}`), kind).not.toEqual([]);
    expect(tally.names("step sysctl")).toEqual([]);
  },
);

test.each(seeds)(
  "H, B14, laws 1, 3, 4, 6: other programs change a Mac during and after random stories, seed %i",
  limit,
  async (seed) => {
    const tally = await meddle(macStories.any, MAC_ACTS, sized(8, partSize), seed);
    for (const { act } of MAC_ACTS) expect(tally.get(`act ${act}`), act).toBeGreaterThan(0);
  },
);
