import { expect, test } from "vitest";
import type { DaemonReport } from "../../../src/daemon/daemon-report.ts";
import { countReport, NO_COUNTS } from "../../../src/daemon/serving/daemon-counts.ts";
import { noteReport } from "../../../src/daemon/serving/note-report.ts";
import type { DaemonState } from "../../../src/state/daemon/daemon-state.ts";

test("an apply of the config and a repair are counted apart, and so are failures, fights and a restored filter", () => {
  const keys = ["link/office"];
  const reports = [
    { type: "applying", keys, proposed: true },
    { type: "applied", keys },
    { type: "applying", keys, proposed: false },
    { type: "applied", keys },
    { type: "stalled", reason: "no keeper", retryInMs: 500 },
    { type: "contended", keys, waitMs: 500, by: [] },
    { type: "guarded" },
    { type: "inSync" },
  ] as unknown as readonly DaemonReport[];
  let state: DaemonState = {};
  let counts = NO_COUNTS;
  for (const report of reports) {
    counts = countReport(counts, state, report);
    state = noteReport(state, report, 0);
  }
  expect(counts).toEqual({ applies: 1, repairs: 1, failures: 1, fights: 1, filterRestored: 1 });
});
