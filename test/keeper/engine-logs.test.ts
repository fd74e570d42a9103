import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pruneEngineLogs } from "../../src/keeper/engine-logs.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "awg-logs-"));
  writeFileSync(join(folder, "log"), "");
  for (let age = 0; age < 100; age += 1) {
    const path = join(folder, `engine-awg-t${age}.log`);
    writeFileSync(path, "why");
    utimesSync(path, 1_000_000 - age, 1_000_000 - age);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("B11: of a hundred engines that are gone the last sixteen can still be read about; those that live all can", () => {
  pruneEngineLogs(folder, (device) => ["awg-t3", "awg-t98", "awg-t99"].includes(device));
  const last = Array.from({ length: 16 }, (_, age) => `engine-awg-t${age}.log`);
  expect(readdirSync(folder).toSorted()).toEqual(
    [...last, "engine-awg-t98.log", "engine-awg-t99.log", "log"].toSorted(),
  );
});
