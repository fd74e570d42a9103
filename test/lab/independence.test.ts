import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("the judge shares nothing with what it judges: test/lab imports nothing of src/", () => {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(10);
  const guilty = files.filter((name) => /from "(?:\.\.\/)+src\//.test(readFileSync(folder + name, "utf8")));
  expect(guilty).toEqual([]);
});
