/** A set of points, as the number of a node. Equal sets have equal numbers, so `===` compares sets. */
export type Diagram = number;

export const NOTHING: Diagram = 0;
export const EVERYTHING: Diagram = 1;

/** First and last class of a range, both included. */
export type ClassRange = readonly [first: number, last: number];

type Operation = "and" | "or" | "minus";

const OPERATION_CODES: Readonly<Record<Operation, number>> = { and: 0, or: 1, minus: 2 };
const OPERATIONS = 3;
/** Limit of node numbers: two of them and an operation must fit in a safe integer. */
const NODE_LIMIT = 2 ** 25;

/**
 * Sets of points as reduced, ordered interval decision diagrams.
 *
 * Strehl and Thiele described them in 1998; Gouda and Liu call them firewall decision diagrams. A node tests one
 * dimension; its edges are class ranges. Equal nodes and repeated operations are shared. Ten thousand prefixes
 * therefore cost one wide node.
 */
export class Diagrams {
  readonly #sizes: readonly number[];
  readonly #levels: number[] = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  /** Last class of each edge of a node. */
  readonly #ends: Int32Array[] = [new Int32Array(0), new Int32Array(0)];
  readonly #targets: Int32Array[] = [new Int32Array(0), new Int32Array(0)];
  readonly #byHash = new Map<number, Diagram[]>();
  readonly #results = new Map<number, Diagram>();

  /** @param sizes number of classes of each dimension, in test order */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
  }

  /** All points with a class in one of the ranges. The ranges are sorted and do not overlap. */
  inRanges(dimension: number, ranges: readonly ClassRange[]): Diagram {
    const ends: number[] = [];
    const targets: Diagram[] = [];
    let next = 0;
    for (const [first, last] of ranges) {
      if (first > next) pushEdge(ends, targets, first - 1, NOTHING);
      pushEdge(ends, targets, last, EVERYTHING);
      next = last + 1;
    }
    const last = (this.#sizes[dimension] ?? 1) - 1;
    if (next <= last) pushEdge(ends, targets, last, NOTHING);
    return this.#node(dimension, ends, targets);
  }

  and(a: Diagram, b: Diagram): Diagram {
    return this.#apply("and", a, b);
  }

  or(a: Diagram, b: Diagram): Diagram {
    return this.#apply("or", a, b);
  }

  /** The points of a that are not in b. */
  minus(a: Diagram, b: Diagram): Diagram {
    return this.#apply("minus", a, b);
  }

  not(a: Diagram): Diagram {
    return this.#apply("minus", EVERYTHING, a);
  }

  /** All points that are in the set for some class in this dimension. */
  exists(a: Diagram, dimension: number, known = new Map<Diagram, Diagram>()): Diagram {
    const level = this.#levelOf(a);
    if (level > dimension) return a;
    const before = known.get(a);
    if (before !== undefined) return before;
    const targets = [...(this.#targets[a] ?? [])];
    const result =
      level === dimension
        ? targets.reduce((union, target) => this.or(union, target), NOTHING)
        : this.#node(
            level,
            [...(this.#ends[a] ?? [])],
            targets.map((target) => this.exists(target, dimension, known)),
          );
    known.set(a, result);
    return result;
  }

  /** The set contains the point, given by its class in each dimension. */
  has(a: Diagram, point: readonly number[]): boolean {
    let node = a;
    while (node > EVERYTHING) node = this.#targetAt(node, point[this.#levelOf(node)] ?? 0);
    return node === EVERYTHING;
  }

  /**
   * A point of a non-empty set.
   *
   * In each dimension the first possible preferred class is taken, else the first possible class.
   */
  pick(a: Diagram, examples: readonly (readonly number[])[]): number[] {
    let node = a;
    return this.#sizes.map((_size, dimension) => {
      const preferred = examples[dimension] ?? [];
      if (this.#levelOf(node) !== dimension) return preferred[0] ?? 0;
      const choice = preferred.find((value) => this.#targetAt(node, value) !== NOTHING) ?? this.#firstInto(node);
      node = this.#targetAt(node, choice);
      return choice;
    });
  }

  #firstInto(node: Diagram): number {
    const edge = (this.#targets[node] ?? []).findIndex((target) => target !== NOTHING);
    return edge <= 0 ? 0 : (this.#ends[node]?.[edge - 1] ?? -1) + 1;
  }

  #levelOf(node: Diagram): number {
    return this.#levels[node] ?? Number.MAX_SAFE_INTEGER;
  }

  #targetAt(node: Diagram, value: number): Diagram {
    const ends = this.#ends[node] as Int32Array;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return this.#targets[node]?.[low] ?? NOTHING;
  }

  #apply(operation: Operation, a: Diagram, b: Diagram): Diagram {
    const simple = simpleResult(operation, a, b);
    if (simple !== undefined) return simple;
    const [x, y] = operation !== "minus" && a > b ? [b, a] : [a, b];
    const key = (x * NODE_LIMIT + y) * OPERATIONS + OPERATION_CODES[operation];
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = this.#merge(operation, x, y);
    this.#results.set(key, result);
    return result;
  }

  /** Merges the edges of two nodes. A node that skips the dimension counts as one edge over all classes. */
  #merge(operation: Operation, a: Diagram, b: Diagram): Diagram {
    const level = Math.min(this.#levelOf(a), this.#levelOf(b));
    const last = (this.#sizes[level] ?? 1) - 1;
    const [endsA, targetsA] = this.#edges(a, level, last);
    const [endsB, targetsB] = this.#edges(b, level, last);
    const ends: number[] = [];
    const targets: Diagram[] = [];
    let [i, j] = [0, 0];
    while (i < endsA.length && j < endsB.length) {
      const [endA, endB] = [endsA[i] as number, endsB[j] as number];
      const end = Math.min(endA, endB);
      pushEdge(ends, targets, end, this.#apply(operation, targetsA[i] as number, targetsB[j] as number));
      if (endA === end) i += 1;
      if (endB === end) j += 1;
    }
    return this.#node(level, ends, targets);
  }

  #edges(node: Diagram, level: number, last: number): [ArrayLike<number>, ArrayLike<number>] {
    if (this.#levelOf(node) !== level) return [[last], [node]];
    return [this.#ends[node] as Int32Array, this.#targets[node] as Int32Array];
  }

  #node(level: number, givenEnds: readonly number[], givenTargets: readonly Diagram[]): Diagram {
    const ends: number[] = [];
    const targets: Diagram[] = [];
    for (const [index, end] of givenEnds.entries()) pushEdge(ends, targets, end, givenTargets[index] as number);
    if (targets.length === 1) return targets[0] as Diagram;
    const hash = hashOf(level, ends, targets);
    const bucket = this.#byHash.get(hash) ?? [];
    const known = bucket.find((node) => this.#isSame(node, level, ends, targets));
    if (known !== undefined) return known;
    const node = this.#levels.length;
    if (node >= NODE_LIMIT) throw new RangeError("the rules distinguish more classes of packets than can be judged");
    this.#levels.push(level);
    this.#ends.push(Int32Array.from(ends));
    this.#targets.push(Int32Array.from(targets));
    bucket.push(node);
    this.#byHash.set(hash, bucket);
    return node;
  }

  #isSame(node: Diagram, level: number, ends: readonly number[], targets: readonly Diagram[]): boolean {
    const [otherEnds, otherTargets] = [this.#ends[node] as Int32Array, this.#targets[node] as Int32Array];
    if (this.#levels[node] !== level || otherEnds.length !== ends.length) return false;
    return ends.every((end, index) => end === otherEnds[index] && targets[index] === otherTargets[index]);
  }
}

/** Merges adjacent edges with the same target. */
function pushEdge(ends: number[], targets: Diagram[], end: number, target: Diagram): void {
  if (targets.at(-1) === target) ends[ends.length - 1] = end;
  else {
    ends.push(end);
    targets.push(target);
  }
}

function simpleResult(operation: Operation, a: Diagram, b: Diagram): Diagram | undefined {
  if (operation === "and") {
    if (a === NOTHING || b === NOTHING) return NOTHING;
    return a === EVERYTHING || a === b ? b : b === EVERYTHING ? a : undefined;
  }
  if (operation === "or") {
    if (a === EVERYTHING || b === EVERYTHING) return EVERYTHING;
    return a === NOTHING || a === b ? b : b === NOTHING ? a : undefined;
  }
  if (a === NOTHING || b === EVERYTHING || a === b) return NOTHING;
  return b === NOTHING ? a : undefined;
}

/** FNV-1a over the numbers. */
function hashOf(level: number, ends: readonly number[], targets: readonly Diagram[]): number {
  let hash = 0x811c9dc5 ^ level;
  for (const [index, end] of ends.entries()) {
    hash = Math.imul(hash ^ end, 0x01000193);
    hash = Math.imul(hash ^ (targets[index] as number), 0x01000193);
  }
  return hash >>> 0;
}
