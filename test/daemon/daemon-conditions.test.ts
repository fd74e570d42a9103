import { expect, test } from "vitest";
import { noteReport } from "../../src/daemon/daemon-conditions.ts";

const stalled = (reason: string) => ({ type: "stalled", reason, retryInMs: 1 }) as const;
const contended = {
  type: "contended",
  keys: ["routes/policy"],
  waitMs: 1,
  by: ["policy rules, by ip (process 7)"],
} as const;

test("a condition begins with its first report, follows the later ones, and ends when the host is in sync", () => {
  const first = noteReport({}, stalled("no disk"), 10);
  const second = noteReport(first, stalled("x".repeat(3_000)), 20);
  expect(second).toEqual({ stalled: { reason: "x".repeat(2_000), sinceMs: 10 } });
  const fought = noteReport(second, contended, 30);
  expect(fought.contended).toEqual({ keys: contended.keys, by: contended.by, sinceMs: 30 });
  expect(noteReport(fought, { type: "woken", reasons: [] }, 40)).toBe(fought);
  expect(noteReport(fought, { type: "inSync" }, 50)).toEqual({});
});
