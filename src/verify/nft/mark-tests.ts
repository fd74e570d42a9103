import { CLASS_MARK } from "../../model/ownership.ts";
import type { MarkChange } from "../space/mark-classes.ts";
import type { Term } from "../space/packet-fields.ts";
import { chainsFrom, type ReadTable } from "./read-tables.ts";

type MarkTerm = Extract<Term, { readonly dimension: "mark" }>;

/** The key of a set of judged flows: each class gives another result. */
const ANY_CLASS: MarkTerm = { dimension: "mark", mask: CLASS_MARK.mask, values: [], not: false };

const known = new WeakMap<ReadTable, Map<string, readonly MarkTerm[] | undefined>>();

/** The tests of the mark in a chain and in the chains it jumps to; undefined if they write the mark. */
export function markTestsIn(table: ReadTable, chain: string): readonly MarkTerm[] | undefined {
  const ofTable = known.get(table) ?? new Map<string, readonly MarkTerm[] | undefined>();
  known.set(table, ofTable);
  if (!ofTable.has(chain)) ofTable.set(chain, readMarks(table, chain));
  return ofTable.get(chain);
}

function readMarks(table: ReadTable, chain: string): readonly MarkTerm[] | undefined {
  const steps = [...chainsFrom(table, [chain])]
    .flatMap((name) => table.rules.get(name) ?? [])
    .flatMap((rule) => rule.steps);
  if (steps.some(({ kind }) => kind === "mark" || kind === "mark-lost")) return undefined;
  return steps.flatMap((step) => {
    if (step.kind === "test") return step.any.flat().filter((term): term is MarkTerm => term.dimension === "mark");
    return "key" in step && step.key.includes("class") ? [ANY_CLASS] : [];
  });
}

/**
 * The results of these tests after a change, as far as the change alone decides them. Changes with equal results give
 * equal text.
 */
export function testResultsOf(asked: readonly MarkTerm[], { keep, set }: MarkChange): string {
  return asked
    .map(({ mask, values, not }) => {
      if ((keep & mask) !== 0 || values.length === 0) return `${keep & mask}/${set & mask}`;
      return values.includes((set & mask) >>> 0) === not ? "no" : "yes";
    })
    .join(" ");
}
