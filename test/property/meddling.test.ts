import { expect, test } from "vitest";
import { FOREIGN_ACTS, KEEPER_DIES } from "./fault-arbitrary.ts";
import { meddle } from "./meddle.ts";
import { laptopStories } from "./story-arbitrary.ts";

const STORIES = 150;
const ACTS = [...FOREIGN_ACTS, KEEPER_DIES];

test("laws 1, 3, 4, 6: other programs change the host during and after a change", { timeout: 300_000 }, async () => {
  const tally = await meddle(laptopStories.any, ACTS, STORIES);
  for (const { act } of ACTS) expect(tally.get(`act ${act}`), act).toBeGreaterThan(0);
  expect(tally.get("runs with a fault") / tally.get("runs")).toBeGreaterThan(0.8);
});
