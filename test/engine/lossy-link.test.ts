import fc from "fast-check";
import { describe, test } from "vitest";
import { checkProperty } from "../support/seeded.ts";
import { games, playAndJudge } from "./support/play.ts";

describe("two devices on a bad link", () => {
  test("every packet arrives at most once, whole, at the right end; once the link is good, everything flows again", () => {
    checkProperty(
      fc.property(games(40), ([seed, link, moves]) => playAndJudge(seed, link, moves)),
      25,
    );
  });
});
