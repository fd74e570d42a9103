import fc from "fast-check";
import { expect, test } from "vitest";
import { type Diagram, Diagrams, EVERYTHING, NOTHING } from "../../src/verify/space/decision-diagram.ts";
import { checkProperty } from "../support/seeded.ts";

const SIZES = [3, 4, 5];
const POINTS = SIZES.reduce<number[][]>(
  (points, size) => points.flatMap((point) => Array.from({ length: size }, (_, value) => [...point, value])),
  [[]],
);

type Tree =
  | { readonly operation: "and" | "or" | "minus"; readonly a: Tree; readonly b: Tree }
  | { readonly operation: "exists"; readonly a: Tree; readonly dimension: number }
  | { readonly dimension: number; readonly values: readonly number[] };

const leaf = fc
  .integer({ min: 0, max: SIZES.length - 1 })
  .chain((dimension) =>
    fc
      .subarray(Array.from({ length: SIZES[dimension] ?? 0 }, (_, value) => value))
      .map((values): Tree => ({ dimension, values })),
  );
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.record({ operation: fc.constantFrom("and", "or", "minus"), a: tie("tree"), b: tie("tree") }),
    fc.record({
      operation: fc.constant("exists"),
      a: tie("tree"),
      dimension: fc.integer({ min: 0, max: SIZES.length - 1 }),
    }),
  ) as fc.Arbitrary<Tree>,
}));

/** The slow and obvious way: each point by itself. */
function holds(one: Tree, point: readonly number[]): boolean {
  if (!("operation" in one)) return one.values.includes(point[one.dimension] ?? -1);
  if (one.operation === "exists") {
    const values = Array.from({ length: SIZES[one.dimension] ?? 0 }, (_, value) => value);
    return values.some((value) => holds(one.a, point.with(one.dimension, value)));
  }
  const [a, b] = [holds(one.a, point), holds(one.b, point)];
  return one.operation === "and" ? a && b : one.operation === "or" ? a || b : a && !b;
}

function build(diagrams: Diagrams, one: Tree): Diagram {
  if (!("operation" in one)) {
    return diagrams.inRanges(
      one.dimension,
      one.values.map((value) => [value, value] as const),
    );
  }
  if (one.operation === "exists") return diagrams.exists(build(diagrams, one.a), one.dimension);
  return diagrams[one.operation](build(diagrams, one.a), build(diagrams, one.b));
}

test("sets are those that each point by itself gives, and equal sets are equal numbers", () => {
  checkProperty(
    fc.property(tree, tree, (one, other) => {
      const diagrams = new Diagrams(SIZES);
      const [a, b] = [build(diagrams, one), build(diagrams, other)];
      const inA = POINTS.filter((point) => holds(one, point));
      const inB = POINTS.filter((point) => holds(other, point));
      expect(POINTS.filter((point) => diagrams.has(a, point))).toEqual(inA);
      expect(a === b).toBe(JSON.stringify(inA) === JSON.stringify(inB));
      expect(a === NOTHING).toBe(inA.length === 0);
      expect(a === EVERYTHING).toBe(inA.length === POINTS.length);
      if (a !== NOTHING) expect(diagrams.has(a, diagrams.pick(a, [[1], [2], [0]]))).toBe(true);
    }),
    400,
  );
});

test("a wish is granted where the set lets it", () => {
  const diagrams = new Diagrams(SIZES);
  const set = diagrams.and(diagrams.inRanges(0, [[1, 2]]), diagrams.inRanges(2, [[3, 4]]));
  expect(diagrams.pick(set, [[2], [3], [0, 4]])).toEqual([2, 3, 4]);
  expect(diagrams.pick(set, [[0], [], []])).toEqual([1, 0, 3]);
});

test("ten thousand stretches cost one node, not their product with everything", () => {
  const diagrams = new Diagrams([20_001, 20_001]);
  const ranges = Array.from({ length: 10_000 }, (_, index) => [2 * index, 2 * index] as const);
  const [a, b] = [diagrams.inRanges(0, ranges), diagrams.inRanges(1, ranges)];
  const both = diagrams.and(a, b);
  expect(diagrams.minus(diagrams.or(a, b), both)).not.toBe(NOTHING);
  expect(diagrams.has(both, [19_998, 4])).toBe(true);
  expect(diagrams.has(both, [19_999, 4])).toBe(false);
});
