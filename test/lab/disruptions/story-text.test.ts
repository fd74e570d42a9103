import { expect, test } from "vitest";
import { type Played, renderStory } from "./story-text.ts";

function one(name: string, shapeMs: number | undefined, trafficMs: number | undefined, complaint?: string): Played {
  return { name, fromMs: 0, shapeMs, trafficMs, ...(complaint === undefined ? {} : { complaint }) };
}

test("a story lists the times of each kind by nearest rank, the slowest first, and what never recovered", () => {
  const flaps = Array.from({ length: 20 }, (_, index) => one("flap", index + 1, 100 * (index + 1)));
  const text = renderStory([
    one("kill", 5000.4, 4),
    ...flaps,
    one("flush", undefined, 7, "no route"),
    one("kill", 1, 2),
  ]);
  expect(text.split("\n")).toEqual([
    "23 disruptions of 3 kinds, 1 not recovered",
    "shape again after 10 ms (median), 20 ms (p95), 5000 ms (longest); traffic again after 900 ms (median), 1900 ms (p95), 2000 ms (longest)",
    "flush: no route",
    "by kind, median / 95th percentile / longest in ms, the slowest first:",
    "  1 × flush: shape never / never / never; traffic 7 / 7 / 7; 1 not recovered",
    "  2 × kill: shape 1 / 5000 / 5000; traffic 2 / 4 / 4",
    "  20 × flap: shape 10 / 19 / 20; traffic 1000 / 1900 / 2000",
  ]);
});
