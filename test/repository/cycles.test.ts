import { expect, test } from "vitest";
import { filesBelow, importsOf } from "./sources.ts";

/** Tarjan's strongly connected components with more than one file. */
function cyclesOf(imports: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): number => {
    const at = order.size;
    order.set(file, at);
    lowest.set(file, at);
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const low = order.has(target) ? (path.includes(target) ? (order.get(target) ?? at) : at) : visit(target);
      lowest.set(file, Math.min(lowest.get(file) ?? at, low));
    }
    const low = lowest.get(file) ?? at;
    if (low === at) {
      const cycle = path.splice(path.indexOf(file));
      if (cycle.length > 1) cycles.push(cycle.sort());
    }
    return low;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return cycles;
}

const FILES = filesBelow("src").filter((name) => name.endsWith(".ts"));
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file).map(({ target }) => target)] as const));
const CYCLES = cyclesOf(IMPORTS);

test("a cycle is found, over type imports too", () => {
  const imports = new Map([
    ["a", ["b", "d"]],
    ["b", ["c"]],
    ["c", ["a"]],
    ["d", ["c"]],
    ["e", ["a"]],
  ]);
  expect(cyclesOf(imports)).toEqual([["a", "b", "c", "d"]]);
  expect(FILES.length).toBeGreaterThan(500);
  expect(FILES.flatMap(importsOf).some(({ isType }) => isType)).toBe(true);
});

test("no file imports itself through others, counting values and types", () => {
  expect(CYCLES).toEqual([]);
});
