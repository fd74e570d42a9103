import { expect, test } from "vitest";
import { dieEverywhere } from "../die-everywhere.ts";
import { meddle } from "../meddle.ts";
import { playStories, shortcomings } from "../play-stories.ts";
import { SEED } from "../seed.ts";
import { MAC_ACTS } from "./mac-machine.ts";
import { macStories } from "./mac-stories.ts";

test("H, B1, laws 1, 4, 5: a Mac dead after whichever write of a random story comes back to old or new and goes on", {
  timeout: 300_000,
}, async () => {
  const tally = await dieEverywhere(macStories.any, 10, SEED);
  expect(tally.get("stories told")).toBeGreaterThan(5);
  for (const end of ["rolledBack", "applied"]) expect(tally.get(`recovered: ${end}`), end).toBeGreaterThan(0);
});

test("H, B14, laws 1, 3, 4, 5, 6: whatever fails, is ignored or dies on a Mac while a configuration comes, changes, goes", {
  timeout: 300_000,
}, async () => {
  const amount = { stories: 30, faultsPerStory: 8 };
  const tally = await playStories(macStories.any, amount);
  expect(shortcomings(tally, amount)).toEqual([]);
  for (const kind of ["link", "tunnel", "routes", "firewall", "resolver"])
    expect(tally.names(`step ${kind}`), kind).not.toEqual([]);
  expect(tally.names("step sysctl")).toEqual([]);
});

test("H, B14, laws 1, 3, 4, 6: whatever others do to a Mac meanwhile and afterwards", {
  timeout: 300_000,
}, async () => {
  const tally = await meddle(macStories.any, MAC_ACTS, 8);
  for (const { act } of MAC_ACTS) expect(tally.get(`act ${act}`), act).toBeGreaterThan(0);
});
