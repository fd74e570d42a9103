import type { MarkUse } from "../../../model/verify/space/mark-classes.ts";
import type { Term } from "../../../model/verify/space/term.ts";
import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import type { ReadingContext } from "./load-value.ts";
import { type ReadRule, readRule } from "./read-rule.ts";
import type { RuleTable, TableChain } from "./rule-table.ts";

/** A table whose rules were read for packets of one IP version. */
export interface ReadTable {
  readonly table: RuleTable;
  readonly rules: ReadonlyMap<string, readonly ReadRule[]>;
}

/** A chain that the kernel asks at a hook. */
export interface BaseChain {
  readonly table: ReadTable;
  readonly name: string;
  readonly base: NonNullable<TableChain["base"]>;
}

/** Reads all rules of the tables that see packets of this IP version. */
export function readTables(tables: readonly RuleTable[], context: Omit<ReadingContext, "table">): ReadTable[] {
  const { family } = context;
  const others = family === 4 ? "ip6" : "ip";
  return tables
    .filter((table) => !table.dormant && !["arp", "bridge", others].includes(table.family))
    .map((table) => ({
      table,
      rules: new Map(
        [...table.chains].map(([name, { rules }]) => [
          name,
          rules.map((rule) => readRule(table, rule, { ...context, table: table.family })),
        ]),
      ),
    }));
}

/** Every question that the rules ask. */
export function termsOfTables(tables: readonly ReadTable[]): Term[] {
  return stepsOf(tables).flatMap((step) => (step.kind === "test" ? step.any.flat() : []));
}

/** What the rules write into the mark. */
export function markUsesOfTables(tables: readonly ReadTable[]): MarkUse[] {
  return stepsOf(tables).flatMap((step) =>
    step.kind === "mark" ? [{ mask: ~step.change.keep >>> 0, values: [step.change.set] }] : [],
  );
}

/** The base chains of one hook in the kernel's order. Translation of addresses is left out: it refuses nothing. */
export function baseChainsAt(tables: readonly ReadTable[], hook: HookName, device?: string): BaseChain[] {
  return tables
    .flatMap((table) =>
      [...table.table.chains].flatMap(([name, { base }]) =>
        base !== undefined && isAsked(base, hook, device) ? [{ table, name, base }] : [],
      ),
    )
    .toSorted((a, b) => a.base.priority - b.base.priority);
}

function isAsked({ type, hook: where, devices = [] }: BaseChain["base"], hook: HookName, device?: string): boolean {
  if (where !== hook || type === "nat") return false;
  if (device === undefined) return hook !== "egress" && hook !== "ingress";
  return devices.some((name) => (name.endsWith("*") ? device.startsWith(name.slice(0, -1)) : name === device));
}

/** Rules of which something cannot be said, each with what it is. */
export function doubtfulRules(tables: readonly ReadTable[]): { readonly rule: ReadRule; readonly what: string }[] {
  return tables.flatMap(({ rules }) =>
    [...rules.values()].flat().flatMap((rule) => {
      const doubts = rule.steps.flatMap((step) => (step.kind === "doubt" ? [step.what] : []));
      return doubts.length === 0 ? [] : [{ rule, what: doubts.join(", ") }];
    }),
  );
}

function stepsOf(tables: readonly ReadTable[]) {
  return tables.flatMap(({ rules }) => [...rules.values()].flat().flatMap(({ steps }) => steps));
}
