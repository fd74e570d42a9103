import { expect, test } from "vitest";
import { DriftTimer } from "../../src/daemon/drift-timer.ts";
import { DEFAULT_RECONCILE_INTERVALS } from "../../src/daemon/reconcile-intervals.ts";
import { VirtualTime } from "./virtual-time.ts";

test("law 4: a drift timer that is made shorter counts at once, not when the long one is over", async () => {
  const time = new VirtualTime();
  const dueMs: number[] = [];
  using driftTimer = new DriftTimer(() => void dueMs.push(time.nowMs), time.setTimer);
  await time.pass(1_000);
  driftTimer.follow({ ...DEFAULT_RECONCILE_INTERVALS, driftEveryMs: 2_000 });
  await time.pass(4_500);
  expect(dueMs).toEqual([3_000, 5_000]);
  // The same again, and a look without a configuration, leave the timer as it runs.
  driftTimer.follow({ ...DEFAULT_RECONCILE_INTERVALS, driftEveryMs: 2_000 });
  driftTimer.follow(undefined);
  await time.pass(2_000);
  expect(dueMs).toEqual([3_000, 5_000, 7_000]);
});

test("a disposed one wakes nothing", async () => {
  const time = new VirtualTime();
  const dueMs: number[] = [];
  new DriftTimer(() => void dueMs.push(time.nowMs), time.setTimer)[Symbol.dispose]();
  await time.pass(3 * DEFAULT_RECONCILE_INTERVALS.driftEveryMs);
  expect(dueMs).toEqual([]);
});
