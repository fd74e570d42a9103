import fc from "fast-check";
import { expect, test } from "vitest";
import { playStories, shortcomings } from "./play-stories.ts";
import { destroyArbitrary, exchangeArbitrary, firstApplyArbitrary } from "./story-arbitrary.ts";

const AMOUNT = { stories: 200, faultsPerStory: 16 };

/** The same configuration again, on a machine where it stands and nobody remembers. */
const adoptionArbitrary = exchangeArbitrary.map((story) => ({ ...story, after: story.before, amnesia: true }));

test("B1, B4, B8, laws 1, 3, 4, 5, 6: whatever fails, is ignored or dies while awg comes, goes, or finds itself again", {
  timeout: 300_000,
}, async () => {
  const stories = fc.oneof(
    { weight: 5, arbitrary: firstApplyArbitrary },
    { weight: 4, arbitrary: destroyArbitrary },
    { weight: 1, arbitrary: adoptionArbitrary },
  );
  const tally = await playStories(stories, AMOUNT);
  expect(shortcomings(tally, AMOUNT)).toEqual([]);
  expect(tally.names("step ").filter((name) => name.endsWith("adopt"))).not.toEqual([]);
});
