import { expect, test } from "vitest";
import { playStories, shortcomings } from "./play-stories.ts";
import { laptopStories } from "./story-arbitrary.ts";

const AMOUNT = { stories: 100, faultsPerStory: 16 };
const STEPS = ["link", "tunnel", "routes", "firewall", "sysctl", "resolver"];

test("B1, B4, B8, laws 1, 3, 4, 5, 6: any fault during a change from one configuration to another", {
  timeout: 300_000,
}, async () => {
  const tally = await playStories(laptopStories.exchange, AMOUNT);
  expect(shortcomings(tally, AMOUNT)).toEqual([]);
  for (const kind of STEPS) expect(tally.names(`step ${kind}`), kind).not.toEqual([]);
  for (const action of ["create", "update", "delete", "replace"]) {
    expect(
      tally.names("step ").filter((name) => name.endsWith(action)),
      action,
    ).not.toEqual([]);
  }
});
