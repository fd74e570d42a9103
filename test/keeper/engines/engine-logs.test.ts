import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  fstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import {
  openEngineLog,
  pruneEngineLogs,
  shortenEngineLogs,
  shortenRemovedLog,
} from "../../../src/keeper/engines/engine-logs.ts";
import { temporaryFolder } from "../../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = temporaryFolder("logs");
  writeFileSync(join(folder, "log"), "");
  for (let age = 0; age < 100; age += 1) {
    const path = join(folder, `engine-awg-t${age}.log`);
    writeFileSync(path, "why");
    utimesSync(path, 1_000_000 - age, 1_000_000 - age);
  }
});

test("B11: of a hundred engines that are gone the last sixteen can still be read about; those that live all can", () => {
  pruneEngineLogs(folder, (device) => ["awg-t3", "awg-t98", "awg-t99"].includes(device));
  const last = Array.from({ length: 16 }, (_, age) => `engine-awg-t${age}.log`);
  expect(readdirSync(folder).toSorted()).toEqual(
    [...last, "engine-awg-t98.log", "engine-awg-t99.log", "log"].toSorted(),
  );
});

test("what an engine says is bounded while it says it: the last quarter of a mebibyte is kept, in whole lines", () => {
  const path = join(folder, "engine-awg-t0.log");
  const log = openEngineLog(path);
  try {
    let number = 0;
    for (let round = 0; round < 20; round += 1) {
      const lines = Array.from({ length: 10_000 }, (_, index) => `roamed peer ${number + index}\n`);
      number += lines.length;
      writeSync(log, lines.join(""));
      shortenEngineLogs(folder);
      expect(statSync(path).size).toBeLessThanOrEqual(1024 * 1024);
    }
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.at(-1)).toBe(`roamed peer ${number - 1}`);
    const [first, ...said] = lines;
    expect(first).toMatch(/^earlier lines were removed: the log had \d+ bytes$/);
    expect(said.length).toBeGreaterThan(10_000);
    expect(said).toEqual(said.map((_, index) => `roamed peer ${number - said.length + index}`));
    expect(readFileSync(join(folder, "engine-awg-t1.log"), "utf8")).toBe("why");
  } finally {
    closeSync(log);
  }
});

test.skipIf(process.platform !== "linux")(
  "what an engine says is bounded where its folder was removed under it",
  async () => {
    const elsewhere = join(folder, "elsewhere.log");
    const log = openEngineLog(join(folder, "engine-awg-t0.log"));
    const others = openEngineLog(elsewhere);
    const engines = [log, others].map((fd) => spawn("sleep", ["60"], { stdio: ["ignore", fd, fd] }));
    try {
      for (const fd of [log, others]) writeSync(fd, "roamed peer\n".repeat(100_000));
      rmSync(folder, { recursive: true });
      for (const { pid } of engines) shortenRemovedLog(folder, pid ?? 0);
      expect([log, others].map((fd) => fstatSync(fd).size > 1024 * 1024)).toEqual([false, true]);
      expect(fstatSync(log).size).toBeGreaterThan(256 * 1024);
    } finally {
      for (const engine of engines) {
        engine.kill("SIGKILL");
        await once(engine, "exit");
      }
      closeSync(log);
      closeSync(others);
    }
  },
);
