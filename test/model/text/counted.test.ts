import { expect, test } from "vitest";
import { counted } from "../../../src/model/text/counted.ts";

test.each([
  [0, "route", undefined, "0 routes"],
  [1, "route", undefined, "1 route"],
  [2, "route", undefined, "2 routes"],
  [1, "entry", "entries", "1 entry"],
  [3, "entry", "entries", "3 entries"],
  [1n, "class", "classes", "1 class"],
  [2n, "class", "classes", "2 classes"],
])("%s of %s is told as English has it", (count, one, more, reported) => {
  expect(counted(count, one, more)).toBe(reported);
});
