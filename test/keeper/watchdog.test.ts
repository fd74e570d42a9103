import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Watchdog, type WatchedNamespace } from "../../src/keeper/watchdog.ts";
import { temporaryFolder } from "../support/folder.ts";

const obstacle = process.platform === "linux" ? undefined : "needs Linux: /proc/uptime";
const PATIENCE_MS = 30_000;

let folder = "";
let reports: string[] = [];
let watchdogs: Watchdog[] = [];

beforeEach(() => {
  folder = temporaryFolder("watchdog");
  reports = [];
});

afterEach(() => {
  for (const watchdog of watchdogs) watchdog[Symbol.dispose]();
  watchdogs = [];
});

function newWatchdog(namespace?: WatchedNamespace): Watchdog {
  const report = (line: string): void => void reports.push(line);
  const watchdog = new Watchdog({ folder, report, ...(namespace === undefined ? {} : { namespace }) });
  watchdogs.push(watchdog);
  return watchdog;
}

const nowMs = (): number => Math.round(Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000);
const ran = (name: string): boolean => existsSync(join(folder, name));
const touch = (name: string): readonly string[] => ["/bin/sh", "-c", `echo "$PWD" >> ${join(folder, name)}`];

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!condition() && Date.now() < end) await sleep(20);
  expect(condition(), reports.join("\n")).toBe(true);
}

describe.skipIf(obstacle !== undefined)(`the watchdog (${obstacle ?? "on this clock"})`, () => {
  test("law 5: runs its command at the deadline, once, and rests", async () => {
    const watchdog = newWatchdog();
    const deadlineMs = nowMs() + 300;
    watchdog.arm({ deadlineMs, command: touch("ran") });
    expect([watchdog.deadlineMs, watchdog.isAtRest]).toEqual([deadlineMs, false]);
    await until(() => watchdog.isAtRest);
    expect(nowMs()).toBeGreaterThanOrEqual(deadlineMs);
    expect(readFileSync(join(folder, "ran"), "utf8")).toBe("/\n");
    expect(ran("watchdog")).toBe(false);
  });

  test("called off, it runs nothing, and neither does the next keeper's", async () => {
    const watchdog = newWatchdog();
    watchdog.arm({ deadlineMs: 0, command: touch("ran") });
    watchdog.disarm();
    const next = newWatchdog();
    next.resume();
    expect([watchdog.isAtRest, next.isAtRest, ran("watchdog")]).toEqual([true, true, false]);
    await sleep(300);
    expect(ran("ran")).toBe(false);
  });

  test("law 5: the next keeper goes on with it", async () => {
    const dying = newWatchdog();
    dying.arm({ deadlineMs: nowMs() + 300, command: touch("ran") });
    dying[Symbol.dispose]();
    const next = newWatchdog();
    next.resume();
    await until(() => ran("ran"));
    await until(() => next.isAtRest);
  });

  test.each<[string, WatchedNamespace | undefined, WatchedNamespace, boolean]>([
    ["of this namespace", { id: "boot-7", isInitial: false }, { id: "boot-7", isInitial: false }, true],
    ["of an earlier one of its number", { id: "boot-7", isInitial: false }, { id: "boot-8", isInitial: false }, false],
    ["that an older keeper wrote, in the machine's own", undefined, { id: "boot-1", isInitial: true }, true],
    ["that an older keeper wrote, in another", undefined, { id: "boot-8", isInitial: false }, false],
  ])("law 5: a watch %s", (_, before, after, isTaken) => {
    const dying = newWatchdog(before);
    dying.arm({ deadlineMs: nowMs() + 3_600_000, command: touch("ran") });
    dying[Symbol.dispose]();
    const next = newWatchdog(after);
    next.resume();
    next.resume();
    expect([next.isAtRest, ran("watchdog"), reports.length]).toEqual([!isTaken, isTaken, isTaken ? 0 : 1]);
  });

  test("armed again while the command of the first deadline runs, it keeps the second", async () => {
    const watchdog = newWatchdog();
    watchdog.arm({ deadlineMs: 0, command: ["/bin/sh", "-c", `touch ${join(folder, "first")}; sleep 0.5`] });
    await until(() => ran("first"));
    const deadlineMs = nowMs() + 3_600_000;
    watchdog.arm({ deadlineMs, command: touch("second") });
    await until(() => reports.includes("the revert ended"));
    expect([watchdog.deadlineMs, ran("watchdog"), ran("second")]).toEqual([deadlineMs, true, false]);
  });

  test("a command that fails is tried again", async () => {
    const watchdog = newWatchdog();
    const once = join(folder, "once");
    watchdog.arm({ deadlineMs: 0, command: ["/bin/sh", "-c", `test -e ${once} || { touch ${once}; exit 10; }`] });
    await until(() => watchdog.isAtRest);
    expect(reports.filter((line) => line.includes("exit 10"))).toHaveLength(1);
    expect(reports.at(-1)).toBe("the revert ended");
  });

  test("a program that is not there is reported and tried again", async () => {
    const watchdog = newWatchdog();
    watchdog.arm({ deadlineMs: 0, command: ["/nowhere/awg"] });
    await until(() => reports.some((line) => line.includes("ENOENT")));
    expect(watchdog.isAtRest).toBe(false);
  });

  test("a file that the keeper did not write is not obeyed", () => {
    writeFileSync(join(folder, "watchdog"), JSON.stringify({ deadlineMs: 0, command: ["awg"] }), { mode: 0o600 });
    const watchdog = newWatchdog();
    watchdog.resume();
    expect(watchdog.isAtRest).toBe(true);
    expect(reports.join()).toContain("no watchdog is armed");
  });
});
