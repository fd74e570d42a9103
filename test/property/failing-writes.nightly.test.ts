import { expect, test } from "vitest";
import { exampleStories, examples } from "./example-stories.ts";
import { failWrites } from "./failing-writes.ts";

test.each(examples)(
  "B4, laws 1, 3, 4, 5, 6: every write of %s refused with each errno, once and for ever",
  async (name) => {
    const tally = await failWrites(exampleStories(name), "all");
    console.log(tally.print());
    expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
  },
);
