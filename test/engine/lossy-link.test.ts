import fc from "fast-check";
import { describe, test } from "vitest";
import { checkProperty } from "../support/seeded.ts";
import { sized } from "../support/size.ts";
import { games, playAndJudge } from "./support/play.ts";

const [runs, steps] = sized([25, 40], [3_000, 200]);

describe("two devices on a bad link", () => {
  test("every packet arrives at most once and whole; once the link is good, all packets arrive", () => {
    checkProperty(
      fc.property(games(steps), ([seed, link, moves]) => playAndJudge(seed, link, moves)),
      runs,
    );
  });
});
