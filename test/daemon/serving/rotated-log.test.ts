import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RotatedLog } from "../../../src/daemon/serving/rotated-log.ts";
import { temporaryFolder } from "../../support/folder.ts";

test("a log begins a new file when it is full, keeps three, and is private", () => {
  const path = join(temporaryFolder("log"), "awg.log");
  {
    using log = new RotatedLog(path, 10);
    for (const line of ["one-one-1", "two-two-2", "three-333", "four-4444", "five-5555", "six"]) log.write(line);
  }
  expect(readFileSync(path, "utf8")).toBe("six\n");
  expect([1, 2, 3, 4].map((number) => existsSync(`${path}.${number}`))).toEqual([true, true, true, false]);
  expect(readFileSync(`${path}.1`, "utf8")).toBe("five-5555\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  using again = new RotatedLog(path, 10);
  again.write("seven");
  expect(readFileSync(path, "utf8")).toBe("six\nseven\n");
});

test("law 8: a link in its place is refused", () => {
  const path = join(temporaryFolder("log"), "awg.log");
  symlinkSync("/etc/passwd", path);
  expect(() => new RotatedLog(path)).toThrow(/cannot be opened/);
});
