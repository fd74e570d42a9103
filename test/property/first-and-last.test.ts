import fc from "fast-check";
import { expect, test } from "vitest";
import { playStories, shortcomings } from "./play-stories.ts";
import { laptopStories } from "./story-arbitrary.ts";

const AMOUNT = { stories: 200, faultsPerStory: 16 };

test("B1, B4, B8, laws 1, 3, 4, 5, 6: any fault during a first apply, a destroy or an apply without state", {
  timeout: 300_000,
}, async () => {
  const stories = fc.oneof(
    { weight: 5, arbitrary: laptopStories.firstApply },
    { weight: 4, arbitrary: laptopStories.destroy },
    { weight: 1, arbitrary: laptopStories.adoption },
  );
  const tally = await playStories(stories, AMOUNT);
  expect(shortcomings(tally, AMOUNT)).toEqual([]);
  expect(tally.names("step ").filter((name) => name.endsWith("adopt"))).not.toEqual([]);
});
