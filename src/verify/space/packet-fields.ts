/** The conntrack state of a packet. `answer`: the packet goes in the reply direction. */
export const TRACKINGS = ["new", "established", "answer", "related", "related-answer", "invalid", "untracked"] as const;
export type Tracking = (typeof TRACKINGS)[number];

/** A whole packet, the first fragment (with ports) or a later fragment. */
export const FRAGMENTS = ["whole", "first", "later"] as const;
export type Fragment = (typeof FRAGMENTS)[number];

/**
 * Dimensions with numeric values.
 *
 * `word0` and `word2` are the first and second 16 bits of the transport header. `sender` is the route type of the
 * source (RTN_* of rtnetlink.h).
 */
export type NumberDimension =
  | "sender"
  | "user"
  | "protocol"
  | "length"
  | "hops"
  | "word0"
  | "word2"
  | "destination"
  | "source";
/** The next hop: the destination itself, or a router. */
export const HOPS = ["destination", "router"] as const;
export type Hop = (typeof HOPS)[number];

/** `sets`: the dynamic sets that hold the other side's address, joined with commas. */
export type NameDimension = "in" | "out" | "tracking" | "fragment" | "hop" | "sets";
export type Dimension = NumberDimension | NameDimension | "mark";

/** The value of `user` for a packet without a known socket: the last uid plus one. */
export const NO_USER = 0x1_0000_0000n;

/** Both bounds are included. */
export interface NumberRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A test of one dimension of a packet. Rules and policies consist of these. */
export type Term =
  | { readonly dimension: NumberDimension; readonly ranges: readonly NumberRange[] }
  /** (mark & mask) is one of the values. */
  | { readonly dimension: "mark"; readonly mask: number; readonly values: readonly number[]; readonly not: boolean }
  /** `mentions`: device names that the test distinguishes. */
  | {
      readonly dimension: NameDimension;
      readonly holds: (name: string) => boolean;
      readonly mentions?: readonly string[];
    };

/** A condition on packets as a tree. */
export type Formula =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "term"; readonly term: Term }
  | { readonly kind: "all" | "any"; readonly of: readonly Formula[] }
  | { readonly kind: "not"; readonly of: Formula }
  /** The first case with a true condition decides. */
  | {
      readonly kind: "first";
      readonly cases: readonly { readonly when: Formula; readonly yields: Formula }[];
      readonly otherwise: Formula;
    };

export const ALWAYS: Formula = { kind: "constant", value: true };
export const NEVER: Formula = { kind: "constant", value: false };

/** True where every formula is; all packets for none. */
export const all = (...of: readonly Formula[]): Formula => ({ kind: "all", of });
/** True where at least one formula is; no packet for none. */
export const any = (...of: readonly Formula[]): Formula => ({ kind: "any", of });
/** True where the formula is not. */
export const not = (of: Formula): Formula => ({ kind: "not", of });

/** The number lies in one of the ranges. */
export function numberIn(dimension: NumberDimension, ranges: readonly NumberRange[]): Formula {
  return { kind: "term", term: { dimension, ranges } };
}

/** The number is one of the values. */
export function numberIs(dimension: NumberDimension, ...values: readonly (number | bigint)[]): Formula {
  return numberIn(
    dimension,
    values.map((value) => ({ first: BigInt(value), last: BigInt(value) })),
  );
}

/** The masked bits of the mark have this value. */
export function markIs(mask: number, ...values: readonly number[]): Formula {
  return { kind: "term", term: { dimension: "mark", mask, values: values.map((value) => value >>> 0), not: false } };
}

/** The device is one of these. */
export function deviceIn(side: "in" | "out", names: readonly string[]): Formula {
  const set = new Set(names);
  return { kind: "term", term: { dimension: side, holds: (name) => set.has(name), mentions: names } };
}

/** The conntrack state is one of these. */
export function trackedAs(...values: readonly Tracking[]): Formula {
  return { kind: "term", term: { dimension: "tracking", holds: (name) => values.includes(name as Tracking) } };
}

/** The next hop is this. */
export function nextHopIs(value: Hop): Formula {
  return { kind: "term", term: nextHopTerm(value) };
}

/** The same as a term. */
export function nextHopTerm(value: Hop): Term {
  return { dimension: "hop", holds: (name) => name === value };
}

/** One of these dynamic sets holds the other side's address (S4.14). */
export function inSets(names: readonly string[]): Formula {
  return { kind: "term", term: inSetsTerm(names) };
}

/** The same as a term; what the sets hold is not known, so every combination is a class of packets. */
export function inSetsTerm(names: readonly string[], isIn = true): Term {
  const holds = (held: string) => held.split(",").some((one) => names.includes(one)) === isIn;
  return { dimension: "sets", holds, mentions: names };
}

/** The fragment state is one of these. */
export function fragmentIs(...values: readonly Fragment[]): Formula {
  return { kind: "term", term: { dimension: "fragment", holds: (name) => values.includes(name as Fragment) } };
}

/** Every term of a formula. */
export function termsOf(formula: Formula): Term[] {
  switch (formula.kind) {
    case "constant":
      return [];
    case "term":
      return [formula.term];
    case "all":
    case "any":
      return formula.of.flatMap(termsOf);
    case "not":
      return termsOf(formula.of);
    case "first":
      return [
        ...formula.cases.flatMap(({ when, yields }) => [...termsOf(when), ...termsOf(yields)]),
        ...termsOf(formula.otherwise),
      ];
  }
}
