import { expect, test } from "vitest";
import { logLine } from "../../src/cli/verbs/system/loop-report.ts";

const now = new Date(0);

test("a line of the daemon's log has its time, in the journal a priority instead", () => {
  expect(logLine({ type: "inSync" }, {}, now)).toBe("1970-01-01T00:00:00.000Z [Core] in sync");
  expect(logLine({ type: "inSync" }, { JOURNAL_STREAM: "8:4711" }, now)).toBe("<6>[Core] in sync");
});

test("a host that is as accepted while the files cannot be applied is not called in sync with them", () => {
  const line = logLine({ type: "inSync", filesNotApplied: true }, { JOURNAL_STREAM: "8:4711" }, now);
  expect(line).toBe("<6>[Core] in sync with the accepted state; the config on the disk is not applied");
});

test.each([
  [["link/a"], "Contended: other programs keep changing link/a; waiting 14 s"],
  [["link/a", "routes/a"], "Contended: other programs keep changing link/a, routes/a; waiting 14 s"],
])("contention over %j is logged in the words of status", (keys, said) => {
  const report = { type: "contended", keys, by: [], waitMs: 13_800 } as const;
  expect(logLine(report, { JOURNAL_STREAM: "8:4711" }, now)).toContain(said);
});
