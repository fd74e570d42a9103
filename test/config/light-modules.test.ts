import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What a cold `awg diff` of a known configuration loads; zod and yaml together cost tens of milliseconds. */
const LIGHT = [
  "config.ts",
  "config-hash.ts",
  "problem.ts",
  "problem-catalogue.ts",
  "feature/reserved-keys.ts",
  "init-config.ts",
];

/** Modules and packages that are loaded with a module; imports of types alone load nothing. */
function loadedBy(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const text = readFileSync(file, "utf8");
  for (const [, target = ""] of text.matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?"([^"]+)";$/gms)) {
    if (target.startsWith(".")) loadedBy(new URL(target, file), seen);
    else seen.add(target);
  }
  return seen;
}

const packagesOf = (name: string) =>
  [...loadedBy(new URL(`../../src/config/${name}`, import.meta.url))].filter((module) => !module.startsWith("file:"));

test.each(LIGHT)("%s loads no package", (name) => {
  expect(packagesOf(name)).toEqual([]);
});

test("the walk sees packages where they are", () => {
  expect(packagesOf("load-config.ts").sort()).toEqual(["yaml", "zod"]);
});
