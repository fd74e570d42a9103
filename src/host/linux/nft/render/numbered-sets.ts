import type { NftTableContents } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { NftRule } from "../../../../native/linux/nftables/rule.codec.ts";
import type { RenderedTable } from "./rendered-table.ts";

/** `private-v4.2`: the second copy of `private-v4`. No rendered name has a dot. */
const NUMBERED = /^(.*)\.([0-9]+)$/;

/**
 * Sets of ranges have another name in each load, because they are filled before the rules that use the former ones are
 * replaced. The first copy has the plain name.
 */
function numbered(name: string, number: number): string {
  return number === 1 ? name : `${name}.${number}`;
}

function partsOf(name: string): { readonly plain: string; readonly number: number } {
  const [, plain = name, number = "1"] = NUMBERED.exec(name) ?? [];
  return { plain, number: Number(number) };
}

/** What the numbers of sets are read from. */
type NamedSet = { readonly name: string; readonly intervals: boolean };

function numbersOf(sets: readonly NamedSet[]): ReadonlySet<number> {
  return new Set(sets.filter(({ intervals }) => intervals).map(({ name }) => partsOf(name).number));
}

/** The first number that no set of ranges has. */
export function freeNumber(sets: readonly NamedSet[]): number {
  const taken = numbersOf(sets);
  let number = 1;
  while (taken.has(number)) number += 1;
  return number;
}

/** Whether these are sets of ranges of several loads. */
export function hasSeveralNumbers(sets: readonly NamedSet[]): boolean {
  return numbersOf(sets).size > 1;
}

/** The table with this number in the names of its sets of ranges. Pure. */
export function withNumber(table: RenderedTable, number: number): RenderedTable {
  const ranges = new Set(table.sets.flatMap(({ set }) => (set.intervals ? [set.name] : [])));
  const renamed = (name: string) => (ranges.has(name) ? numbered(name, number) : name);
  return {
    ...table,
    sets: table.sets.map((one) => ({ ...one, set: { ...one.set, name: renamed(one.set.name) } })),
    rules: renameLookups(table.rules, renamed),
  };
}

/** A table as it was rendered, and the sets of ranges that no rule uses. */
export interface PlainTable {
  readonly table: NftTableContents;
  readonly unused: readonly string[];
}

/** Takes the number out of the names of a table's sets. Where rules use several numbers, which no load makes, all stay. Pure. */
export function withoutNumber(table: NftTableContents): PlainTable {
  const looked = new Set(table.rules.flatMap(({ expressions }) => expressions.flatMap((one) => lookedUp(one))));
  const ranges = table.sets.filter(({ intervals }) => intervals).map(({ name }) => name);
  const used = ranges.filter((name) => looked.has(name));
  if (new Set(used.map((name) => partsOf(name).number)).size > 1) return { table, unused: [] };
  const unused = ranges.filter((name) => !looked.has(name));
  const renamed = (name: string) => (used.includes(name) ? partsOf(name).plain : name);
  const sets = table.sets
    .filter(({ name }) => !unused.includes(name))
    .map((set) => ({ ...set, name: renamed(set.name) }));
  return { table: { ...table, sets, rules: renameLookups(table.rules, renamed) }, unused };
}

function lookedUp(expression: NftRule["expressions"][number]): string[] {
  return expression.kind === "lookup" ? [expression.set] : [];
}

function renameLookups(rules: readonly NftRule[], renamed: (set: string) => string): NftRule[] {
  return rules.map((rule) => ({
    ...rule,
    expressions: rule.expressions.map((one) => (one.kind === "lookup" ? { ...one, set: renamed(one.set) } : one)),
  }));
}
