import { expect, test } from "vitest";
import { withPauses } from "../../../src/dataplane/uapi/with-pauses.ts";

test("a long list is worked on in parts between which this thread uses no processor, and every item comes once", () => {
  const items = Array.from({ length: 640 }, (_, number) => number);
  const before = process.resourceUsage().voluntaryContextSwitches;
  const seen: number[] = [];
  for (const item of withPauses(items)) {
    seen.push(item);
    // A tenth of a millisecond for each item: 64 in all.
    for (const end = performance.now() + 0.1; performance.now() < end; );
  }
  expect(seen).toEqual(items);
  expect(process.resourceUsage().voluntaryContextSwitches - before).toBeGreaterThanOrEqual(15);
});
