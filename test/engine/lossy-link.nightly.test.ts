import fc from "fast-check";
import { describe, test } from "vitest";
import { checkProperty } from "../support/seeded.ts";
import { games, playAndJudge } from "./support/play.ts";

describe("two devices on a bad link, long", () => {
  test("3,000 games of up to 200 steps", () => {
    checkProperty(
      fc.property(games(200), ([seed, link, moves]) => playAndJudge(seed, link, moves)),
      3_000,
    );
  });
});
