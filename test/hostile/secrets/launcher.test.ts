import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../../../src/model/version.ts";
import { ROOT } from "../../repository/sources.ts";

test("F2: the checkout's launcher obeys no NODE_OPTIONS", () => {
  const planted = { NODE_OPTIONS: '--import="data:text/javascript,console.log(`planted`)"' };
  const options = { encoding: "utf8", timeout: 60_000, env: { ...process.env, ...planted } } as const;
  const { stdout, status } = spawnSync(join(ROOT, "scripts/awg"), ["version"], options);
  expect([status, stdout.includes("planted"), stdout.includes(VERSION)]).toEqual([0, false, true]);
  expect(spawnSync(process.execPath, ["-e", ""], options).stdout).toContain("planted");
});
