import { expect, test } from "vitest";
import { noteReport } from "../../../src/daemon/serving/note-report.ts";

const stalled = (reason: string) => ({ type: "stalled", reason, retryInMs: 500 }) as const;
const contended = {
  type: "contended",
  keys: ["routes/policy"],
  waitMs: 1000,
  by: ["policy rules, by ip (process 7)"],
} as const;

test("a condition begins with its first report, follows the later ones, and ends when the host is in sync", () => {
  const first = noteReport({}, stalled("no disk"), 10);
  const second = noteReport(first, stalled("x".repeat(3_000)), 20);
  expect(second.stalled).toEqual({ reason: "x".repeat(2_000), sinceMs: 10 });
  expect(second.doing).toEqual({ phase: "waiting", sinceMs: 10, nextTryMs: 520 });
  const fought = noteReport(second, contended, 30);
  expect(fought.contended).toEqual({ keys: contended.keys, by: contended.by, sinceMs: 30, lastMs: 30 });
  expect(noteReport(fought, { type: "woken", reasons: [] }, 40)).toBe(fought);
  expect(noteReport(fought, { type: "inSync" }, 50)).toMatchObject({ contended: { sinceMs: 30 } });
  const over = noteReport(fought, { type: "inSync" }, 60_030);
  expect(over).toEqual({ doing: { phase: "in-sync", sinceMs: 60_030 } });
});

test("in sync lasts over looks that find nothing, and ends with a change", () => {
  const start = noteReport({}, { type: "woken", reasons: ["start"] }, 1);
  expect(start.doing).toEqual({ phase: "looking", sinceMs: 1 });
  const settled = noteReport(noteReport(start, { type: "inSync" }, 2), { type: "inSync", filesNotApplied: true }, 9);
  expect(settled.doing).toEqual({ phase: "in-sync", sinceMs: 2, filesNotApplied: true });
  expect(noteReport(settled, { type: "woken", reasons: ["routes"] }, 10)).toBe(settled);
  const repairing = noteReport(settled, { type: "applying", keys: ["link/office"], proposed: false }, 11);
  expect(repairing.doing).toEqual({ phase: "repairing", sinceMs: 11, keys: ["link/office"] });
  expect(noteReport(repairing, { type: "applied", keys: ["link/office"] }, 12).doing?.phase).toBe("looking");
});

test("tunnels that are down are kept until every one is up", () => {
  const down = noteReport({}, { type: "fallback", devices: ["awg-office"], switches: [] }, 1);
  expect(down.down).toEqual(["awg-office"]);
  expect(noteReport(down, { type: "fallback", devices: [], switches: [] }, 2)).toEqual({});
});

test("a repair that rests because of a fight is no trouble of its own", () => {
  const fought = noteReport({}, contended, 1);
  expect(noteReport(fought, { ...stalled("others keep changing routes/policy"), fight: true }, 2)).toBe(fought);
});

test("a login page is kept until the login is done or the network is left; a closed one is not open", () => {
  const url = "http://192.0.2.1/login";
  const open = noteReport({}, { type: "portal", state: "open", url }, 5);
  expect(open.portal).toEqual({ url, isOpen: true, sinceMs: 5 });
  expect(noteReport(open, { type: "portal", state: "closed", url, detail: "late" }, 6).portal?.isOpen).toBe(false);
  for (const state of ["passed", "left"] as const) {
    expect(noteReport(open, { type: "portal", state, url }, 7)).toEqual({});
  }
});
