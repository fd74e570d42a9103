import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { buildWeb } from "../../scripts/build-web.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("web");

test("the dashboard is at most 120 KB with gzip, and names no address elsewhere", async () => {
  await buildWeb(folder);
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThanOrEqual(120 * 1024);
  const texts = files.map((file) => file.toString("utf8")).join("\n");
  const addresses = [...texts.matchAll(/https?:\/\/[a-z0-9.-]+/g)].map(([address]) => address);
  expect([...new Set(addresses)].filter((one) => one !== "http://www.w3.org")).toEqual([]);
});
