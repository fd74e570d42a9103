import { addressBits, type Family, type IpAddress } from "../../model/ip.ts";
import { type ClassRange, type Diagram, Diagrams, EVERYTHING, NOTHING } from "./decision-diagram.ts";
import { exampleValues, NUMBER_DIMENSIONS } from "./example-values.ts";
import type { HeaderPoint } from "./header-point.ts";
import { changeMark, type MarkChange, type MarkUse, markClasses, UNCHANGED } from "./mark-classes.ts";
import {
  type Dimension,
  type Formula,
  FRAGMENTS,
  HOPS,
  type NameDimension,
  NO_USER,
  type NumberDimension,
  type NumberRange,
  type Term,
  TRACKINGS,
} from "./packet-fields.ts";

/** Small dimensions come first, so that their edges share the wide nodes of ports and addresses below. */
const ORDER = [
  "in",
  "out",
  "tracking",
  "fragment",
  "hop",
  "sets",
  "user",
  "mark",
  "protocol",
  "length",
  "hops",
  "sender",
  "word0",
  "word2",
  "destination",
  "source",
] as const satisfies readonly Dimension[];

const COUNTED = ["protocol", "length", "hops", "sender", "word0", "word2"] as const;
const LEVELS = Object.fromEntries(ORDER.map((name, level) => [name, level])) as Readonly<Record<Dimension, number>>;

/** No device has this name. It represents all devices that no rule names. */
const OTHER_DEVICE = "other0";

export interface SpaceOptions {
  readonly family: Family;
  /** Every test of rules and policy. The classes are what these tests distinguish. */
  readonly terms: readonly Term[];
  /** The writes of rules to the mark. */
  readonly markUses: readonly MarkUse[];
  /** Existing devices, preferred ones for example packets first. */
  readonly devices: readonly string[];
  /** Addresses of the host, preferred sources of example packets. */
  readonly sources?: readonly string[];
}

/** The packets of one IP version, divided into the classes that the rules distinguish, and sets of them. */
export class PacketSpace {
  readonly family: Family;
  readonly diagrams: Diagrams;
  /** First value of each class. */
  readonly #starts: Readonly<Record<NumberDimension, readonly bigint[]>>;
  readonly #names: Readonly<Record<NameDimension, readonly string[]>>;
  readonly #marks: readonly number[];
  readonly #examples: Readonly<Record<NumberDimension, readonly bigint[]>>;
  readonly #ofTerm = new WeakMap<Term, Diagram>();
  readonly #ofFormula = new WeakMap<Formula, Diagram>();

  constructor({ family, terms, markUses, devices, sources = [] }: SpaceOptions) {
    this.family = family;
    const mentionedIn = (isOfSets: boolean) =>
      terms.flatMap((term) =>
        "holds" in term && (term.dimension === "sets") === isOfSets ? (term.mentions ?? []) : [],
      );
    const mentioned = mentionedIn(false);
    const sets = combinationsOf([...new Set(mentionedIn(true))]);
    const named = [...new Set([...devices, "lo", ...mentioned, OTHER_DEVICE])];
    this.#names = {
      out: ["", ...named],
      in: ["", ...named],
      tracking: TRACKINGS,
      fragment: FRAGMENTS,
      hop: HOPS,
      sets,
    };
    this.#starts = cutClasses(terms, family);
    const asked = terms.flatMap((term) => (term.dimension === "mark" ? [term] : []));
    this.#marks = markClasses([...asked, ...markUses]);
    this.#examples = exampleValues(family, sources);
    const sizes = ORDER.map((name) => this.#sizeOf(name));
    this.diagrams = new Diagrams(sizes);
  }

  /** Number of classes of each dimension, for the report. */
  sizes(): Readonly<Record<Dimension, number>> {
    return Object.fromEntries(ORDER.map((name) => [name, this.#sizeOf(name)])) as Readonly<Record<Dimension, number>>;
  }

  /** The packets that satisfy a condition. */
  ofFormula(formula: Formula): Diagram {
    const known = this.#ofFormula.get(formula);
    if (known !== undefined) return known;
    const result = this.#evaluate(formula);
    this.#ofFormula.set(formula, result);
    return result;
  }

  /** The packets that satisfy a term after a change of the mark. */
  ofTerm(term: Term, change: MarkChange = UNCHANGED): Diagram {
    const plain = term.dimension !== "mark" || (change.keep === UNCHANGED.keep && change.set === 0);
    const known = plain ? this.#ofTerm.get(term) : undefined;
    if (known !== undefined) return known;
    if (term.dimension === "mark" && (change.keep & term.mask) === 0) {
      // The change wrote all tested bits, so the result is the same for every packet.
      return term.values.includes((change.set & term.mask) >>> 0) === term.not ? NOTHING : EVERYTHING;
    }
    const result = this.diagrams.inRanges(LEVELS[term.dimension], this.#classesOf(term, change));
    if (plain) this.#ofTerm.set(term, result);
    return result;
  }

  /** These packets, and all packets that differ from one of them in this dimension only. */
  exists(set: Diagram, dimension: Dimension): Diagram {
    return this.diagrams.exists(set, LEVELS[dimension]);
  }

  /** All packets that equal one of these in the given dimensions. */
  existsBut(set: Diagram, dimensions: readonly Dimension[]): Diagram {
    const others = ORDER.filter((dimension) => !dimensions.includes(dimension));
    return others.reduce<Diagram>((all, dimension) => this.exists(all, dimension), set);
  }

  /** An example packet of a non-empty set, with readable values where possible. */
  pick(set: Diagram): HeaderPoint {
    const examples = ORDER.map((name) => {
      if (name === "mark") return [this.#marks.indexOf(0)];
      if (name === "out" || name === "in") return [1];
      if (name === "tracking" || name === "fragment" || name === "hop" || name === "sets") return [0];
      return this.#examples[name].map((value) => this.#classAt(name, value));
    });
    const point = this.diagrams.pick(set, examples);
    const number = (name: NumberDimension) => this.#valueIn(name, point[LEVELS[name]] ?? 0);
    const name = (dimension: keyof PacketSpace["names"]) => this.#names[dimension][point[LEVELS[dimension]] ?? 0] ?? "";
    const address = (side: "source" | "destination"): IpAddress => ({ family: this.family, value: number(side) });
    const user = number("user");
    const counted = Object.fromEntries(COUNTED.map((one) => [one, Number(number(one))]));
    return {
      in: name("in"),
      out: name("out"),
      tracking: name("tracking") as HeaderPoint["tracking"],
      fragment: name("fragment") as HeaderPoint["fragment"],
      hop: name("hop") as HeaderPoint["hop"],
      ...(name("sets") === "" ? {} : { sets: name("sets").split(",") }),
      ...(user === NO_USER ? {} : { user: Number(user) }),
      mark: this.#marks[point[LEVELS.mark] ?? 0] ?? 0,
      ...(counted as Record<(typeof COUNTED)[number], number>),
      destination: address("destination"),
      source: address("source"),
    };
  }

  /** The names of each dimension that has names. */
  get names(): Readonly<Record<NameDimension, readonly string[]>> {
    return this.#names;
  }

  /** One mark for each class of marks. */
  get marks(): readonly number[] {
    return this.#marks;
  }

  #evaluate(formula: Formula): Diagram {
    const { diagrams } = this;
    switch (formula.kind) {
      case "constant":
        return formula.value ? EVERYTHING : NOTHING;
      case "term":
        return this.ofTerm(formula.term);
      case "not":
        return diagrams.not(this.ofFormula(formula.of));
      case "all":
        return formula.of.reduce<Diagram>((set, part) => diagrams.and(set, this.ofFormula(part)), EVERYTHING);
      case "any":
        return formula.of.reduce<Diagram>((set, part) => diagrams.or(set, this.ofFormula(part)), NOTHING);
      case "first":
        return this.#firstCase(formula);
    }
  }

  #firstCase({ cases, otherwise }: Extract<Formula, { kind: "first" }>): Diagram {
    const { diagrams } = this;
    let [rest, result]: [Diagram, Diagram] = [EVERYTHING, NOTHING];
    for (const { when, yields } of cases) {
      const matching = diagrams.and(rest, this.ofFormula(when));
      result = diagrams.or(result, diagrams.and(matching, this.ofFormula(yields)));
      rest = diagrams.minus(rest, matching);
    }
    return diagrams.or(result, diagrams.and(rest, this.ofFormula(otherwise)));
  }

  #classesOf(term: Term, change: MarkChange): ClassRange[] {
    if (term.dimension === "mark") {
      const { mask, values, not } = term;
      const wanted = new Set(values);
      return singles(this.#marks, (mark) => wanted.has((changeMark(change, mark) & mask) >>> 0) !== not);
    }
    if ("holds" in term) return singles(this.#names[term.dimension], term.holds);
    const { dimension } = term;
    const classes = term.ranges.map(
      ({ first, last }): ClassRange => [this.#classAt(dimension, first), this.#classAt(dimension, last)],
    );
    return joinRanges(classes);
  }

  #classAt(dimension: NumberDimension, value: bigint): number {
    const starts = this.#starts[dimension];
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as bigint) <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #valueIn(dimension: NumberDimension, index: number): bigint {
    const starts = this.#starts[dimension];
    const first = starts[index] ?? 0n;
    const next = starts[index + 1] ?? lastValue(dimension, this.family) + 1n;
    const preferred = this.#examples[dimension].find((value) => value >= first && value < next);
    if (preferred !== undefined) return preferred;
    const isAddress = dimension === "source" || dimension === "destination";
    return isAddress && next - first > 2n ? first + 1n : first;
  }

  #sizeOf(name: Dimension): number {
    if (name === "mark") return this.#marks.length;
    return name in this.#names ? this.#names[name as "in"].length : this.#starts[name as NumberDimension].length;
  }
}

/** Up to so many dynamic sets, every combination of them is a class. */
const MOST_COMBINED = 6;

/** Every combination of the sets; of more than six, each alone, each two, and all. */
function combinationsOf(sets: readonly string[]): readonly string[] {
  if (sets.length > MOST_COMBINED) {
    const pairs = sets.flatMap((one, index) => sets.slice(index + 1).map((other) => `${one},${other}`));
    return ["", ...sets, ...pairs, sets.join(",")];
  }
  const all = [""];
  for (const one of sets) all.push(...all.map((held) => (held === "" ? one : `${held},${one}`)));
  return all;
}

function singles<T>(values: readonly T[], holds: (value: T) => boolean): ClassRange[] {
  return joinRanges(values.flatMap((value, index): ClassRange[] => (holds(value) ? [[index, index]] : [])));
}

/** Sorted ranges without overlap. */
function joinRanges(ranges: readonly ClassRange[]): ClassRange[] {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

const BYTES: readonly NumberDimension[] = ["protocol", "hops", "sender"];

/** The largest value of a dimension. */
function lastValue(dimension: NumberDimension, family: Family): bigint {
  if (dimension === "source" || dimension === "destination") return (1n << BigInt(addressBits(family))) - 1n;
  if (dimension === "user") return NO_USER;
  if (dimension === "length") return 0xffff_ffffn;
  return BYTES.includes(dimension) ? 0xffn : 0xffffn;
}

function cutClasses(terms: readonly Term[], family: Family): Record<NumberDimension, bigint[]> {
  const cuts = Object.fromEntries(NUMBER_DIMENSIONS.map((name) => [name, new Set([0n])])) as Record<
    NumberDimension,
    Set<bigint>
  >;
  cuts.user.add(NO_USER);
  const add = (dimension: NumberDimension, { first, last }: NumberRange) => {
    cuts[dimension].add(first);
    if (last < lastValue(dimension, family)) cuts[dimension].add(last + 1n);
  };
  for (const term of terms) if ("ranges" in term) for (const range of term.ranges) add(term.dimension, range);
  const sorted = (values: ReadonlySet<bigint>) => [...values].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(NUMBER_DIMENSIONS.map((name) => [name, sorted(cuts[name])])) as Record<
    NumberDimension,
    bigint[]
  >;
}
