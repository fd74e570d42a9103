import { expect, test } from "vitest";
import { passedText } from "../../../src/cli/views/passed.ts";

const MINUTE_MS = 60_000;

test.each([
  [0, "0 s"],
  [59_999, "59 s"],
  [2 * MINUTE_MS, "2 min"],
  [47 * 60 * MINUTE_MS, "47 h"],
  [3 * 24 * 60 * MINUTE_MS, "3 days"],
  [-5_000, "0 s"],
])("%i ms are %s", (passedMs, text) => {
  expect(passedText(1_000_000, 1_000_000 + passedMs)).toBe(text);
});
