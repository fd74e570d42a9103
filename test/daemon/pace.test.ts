import { expect, test } from "vitest";
import { Pace } from "../../src/daemon/drift-timer.ts";
import { DEFAULT_RHYTHM } from "../../src/daemon/reconcile-intervals.ts";
import { VirtualTime } from "./virtual-time.ts";

test("law 4: a drift timer that is made shorter counts at once, not when the long one is over", async () => {
  const time = new VirtualTime();
  const dueMs: number[] = [];
  using pace = new Pace(() => void dueMs.push(time.nowMs), time.setTimer);
  await time.pass(1_000);
  pace.follow({ ...DEFAULT_RHYTHM, driftEveryMs: 2_000 });
  await time.pass(4_500);
  expect(dueMs).toEqual([3_000, 5_000]);
  // The same again, and a look without a configuration, leave the timer as it runs.
  pace.follow({ ...DEFAULT_RHYTHM, driftEveryMs: 2_000 });
  pace.follow(undefined);
  await time.pass(2_000);
  expect(dueMs).toEqual([3_000, 5_000, 7_000]);
});

test("a disposed one wakes nobody", async () => {
  const time = new VirtualTime();
  const dueMs: number[] = [];
  new Pace(() => void dueMs.push(time.nowMs), time.setTimer)[Symbol.dispose]();
  await time.pass(3 * DEFAULT_RHYTHM.driftEveryMs);
  expect(dueMs).toEqual([]);
});
