import { expect, test } from "vitest";
import { DEFAULT_RECONCILE_INTERVALS, reconcileIntervalsOf } from "../../src/daemon/reconcile-intervals.ts";

test("the rhythm is the config's, in milliseconds", () => {
  const reconcile = { quiet: 0.1, longest: 3, driftEvery: 3600 };
  expect(reconcileIntervalsOf({ reconcile })).toEqual({
    limits: { quietMs: 100, longestMs: 3_000 },
    driftEveryMs: 3_600_000,
  });
});

test("a config that says nothing has the default, and so has one that names the key alone", () => {
  expect(reconcileIntervalsOf({})).toBe(DEFAULT_RECONCILE_INTERVALS);
  expect(reconcileIntervalsOf({ reconcile: { quiet: 0.2, longest: 2, driftEvery: 30 } })).toEqual(
    DEFAULT_RECONCILE_INTERVALS,
  );
});
