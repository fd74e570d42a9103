import { beforeEach, describe, expect, test } from "vitest";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { NotificationGate } from "../../src/daemon/notice/notification-gate.ts";

const STALLED: DaemonReport = { type: "stalled", reason: "no route", retryInMs: 1000 };
const CONTENDED: DaemonReport = { type: "contended", keys: ["routes/office"], waitMs: 1000, by: [] };
const IN_SYNC: DaemonReport = { type: "inSync" };
const WOKE: DaemonReport = { type: "woken", reasons: ["woke up after 3600 s of sleep"] };
const MINUTE = 60_000;
const OFFICE_DIRECT = [{ device: "awg-office", by: null }];

let gate: NotificationGate;
beforeEach(() => {
  gate = new NotificationGate();
});

describe("what is worth a word to who sits at the screen", () => {
  test("a failure that repairs itself is not", () => {
    expect(gate.note(STALLED, 0)).toBeUndefined();
    expect(gate.note(IN_SYNC, 1)).toBeUndefined();
    expect(gate.note(STALLED, 2)).toBeUndefined();
  });

  test("one that lasts is, once in ten minutes; so is its end", () => {
    gate.note(STALLED, 0);
    expect(gate.note(STALLED, 1000)?.text).toContain("no route");
    for (let at = 2; at < 10; at++) expect(gate.note(STALLED, at * MINUTE)).toBeUndefined();
    expect(gate.note(STALLED, 11 * MINUTE)?.text).toContain("no route");
    expect(gate.note(IN_SYNC, 12 * MINUTE)?.text).toContain("as declared again");
    expect(gate.note(IN_SYNC, 13 * MINUTE)).toBeUndefined();
  });

  test("a fight is reported at once, and its wait is not reported as well", () => {
    expect(gate.note(CONTENDED, 0)?.text).toContain("routes/office");
    for (const at of [1, 2, 3]) expect(gate.note(STALLED, at)).toBeUndefined();
  });

  test("a packet filter that others changed is; a change that was asked for is not", () => {
    const keys = ["firewall/machine"];
    expect(gate.note({ type: "applying", keys, proposed: true }, 0)).toBeUndefined();
    expect(gate.note({ type: "applying", keys: ["routes/office"], proposed: false }, 0)).toBeUndefined();
    expect(gate.note({ type: "applying", keys, proposed: false }, 0)?.text).toContain("packet filter");
  });

  test("a failover names the tunnel that takes over", () => {
    const switches = [{ device: "awg-office", by: "awg-home" }];
    expect(gate.note({ type: "fallback", devices: ["awg-office"], switches }, 0)?.text).toBe(
      "Traffic goes by awg-home while awg-office is down",
    );
  });

  test("a fallback is reported when it begins", () => {
    expect(gate.note({ type: "fallback", devices: ["awg-office"], switches: OFFICE_DIRECT }, 0)).toEqual({
      title: "awg: not protected",
      text: "Traffic goes direct while awg-office is down",
    });
    expect(gate.note({ type: "protection", holds: false, reason: "FallbackDirect" }, 0)).toBeUndefined();
    expect(gate.note({ type: "fallback", devices: [], switches: [] }, 1)).toBeUndefined();
    expect(gate.note({ type: "protection", holds: true, reason: "FallbackDirect" }, 1)?.text).toContain("again");
  });

  test("what goes wrong just after a sleep has time to repair itself", () => {
    gate.note(WOKE, 0);
    for (let at = 0; at < 30_000; at += 1000) expect(gate.note(STALLED, at)).toBeUndefined();
    expect(gate.note(STALLED, 31_000)?.text).toContain("no route");
  });

  test("a wall clock that jumps back does not silence it for ever", () => {
    const late = 10_000 * MINUTE;
    gate.note(WOKE, late);
    gate.note(CONTENDED, late + MINUTE);
    expect(gate.note(CONTENDED, 5 * MINUTE)).toBeDefined();
  });

  test("the loss of protection and its return are, unless something else already says so", () => {
    const off = (reason: "KillSwitchOff" | "Paused" | "FilterLost") =>
      gate.note({ type: "protection", holds: false, reason }, 0)?.title;
    expect([off("KillSwitchOff"), off("Paused"), off("FilterLost")]).toEqual([
      "awg: not protected",
      undefined,
      undefined,
    ]);
    expect(gate.note({ type: "protection", holds: true, reason: "FilterLost" }, 1)?.text).toContain("Protected again");
  });

  test("a packet filter that is loaded for another network is not, unless that failed", () => {
    const guarded = { type: "guarded", wrong: "the packet filter was of another network", isOutdated: true } as const;
    expect(gate.note({ ...guarded, restored: "yes" }, 0)).toBeUndefined();
    expect(gate.note({ ...guarded, restored: "no", refusal: "no memory" }, 1)?.text).toContain("not protected");
  });

  test("a network that wants a login is, with the address of its page", () => {
    const url = "http://192.0.2.1/login";
    expect(gate.note({ type: "portal", state: "open", url }, 0)?.text).toContain(url);
    expect(gate.note({ type: "portal", state: "found", url, detail: "far away" }, 1)?.text).toContain("far away");
    expect(gate.note({ type: "portal", state: "passed", url }, 2)?.text).toContain("login is done");
    expect(gate.note({ type: "portal", state: "left", url }, 3)).toBeUndefined();
  });
});
