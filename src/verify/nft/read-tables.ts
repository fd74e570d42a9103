import type { HookName } from "../../native/linux/nftables/chain.codec.ts";
import type { MarkUse } from "../space/mark-classes.ts";
import type { Term } from "../space/packet-fields.ts";
import { readRule } from "./reading/read-rule.ts";
import type { ReadingContext } from "./reading/reading-context.ts";
import type { ReadRule } from "./reading/rule-step.ts";
import { untracks } from "./reading/untracked.ts";
import { isOurs, type RuleTable, type TableChain } from "./rule-table.ts";

/** A table, read for packets of one IP version. */
export interface ReadTable {
  readonly table: RuleTable;
  readonly rules: ReadonlyMap<string, readonly ReadRule[]>;
}

/** A base chain at a hook. */
export interface BaseChain {
  readonly table: ReadTable;
  readonly name: string;
  readonly base: NonNullable<TableChain["base"]>;
}

/** Reads all rules of the tables that see packets of this IP version. */
export function readTables(
  tables: readonly RuleTable[],
  context: Omit<ReadingContext, "table" | "isOurs">,
): ReadTable[] {
  const { family } = context;
  const others = family === 4 ? "ip6" : "ip";
  return tables
    .filter((table) => !table.dormant && !["arp", "bridge", others].includes(table.family))
    .map((table) => ({
      table,
      rules: new Map(
        [...table.chains].map(([name, { base, rules }]) => {
          const place = {
            table: table.family,
            isOurs: isOurs(table),
            ...(base === undefined ? {} : { hook: base.hook }),
          };
          return [name, rules.flatMap((rule) => readRule(table, rule, { ...context, ...place }))];
        }),
      ),
    }));
}

/** Every test that the rules make. */
export function termsOfTables(tables: readonly ReadTable[]): Term[] {
  return stepsOf(tables).flatMap((step) => (step.kind === "test" ? step.any.flat() : []));
}

/** Every write to the mark by the rules. */
export function markUsesOfTables(tables: readonly ReadTable[]): MarkUse[] {
  return stepsOf(tables).flatMap((step) => {
    if (step.kind === "mark-lost") return [{ mask: step.bits, values: [] }];
    return step.kind === "mark" ? [{ mask: ~step.change.keep >>> 0, values: [step.change.set] }] : [];
  });
}

/** The base chains of one hook in the kernel's order. NAT chains are left out, because they refuse no packet. */
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

/** A rule that awg cannot fully read. */
export interface DoubtfulRule {
  readonly rule: ReadRule;
  readonly what: string;
  /** Judged packets may reach it. */
  readonly isReached: boolean;
}

/** Rules that awg cannot fully read, each with the reason. */
export function doubtfulRules(tables: readonly ReadTable[]): DoubtfulRule[] {
  return tables.flatMap((read) => {
    const reached = reachedChains(read);
    return [...read.rules].flatMap(([chain, rules]) =>
      rules.flatMap((rule) => {
        const doubts = rule.steps.flatMap((step) => (step.kind === "doubt" ? [step.what] : []));
        return doubts.length === 0 ? [] : [{ rule, what: doubts.join(", "), isReached: reached.has(chain) }];
      }),
    );
  });
}

/** A rule that writes packet fields, and a base chain from which packets may reach it. */
export interface WritingRule {
  readonly rule: ReadRule;
  /** Names of the fields. */
  readonly what: string;
  readonly chain: BaseChain;
}

/** Rules that write fields that the policy matches, once for each base chain that leads to them. */
export function writingRules(tables: readonly ReadTable[]): WritingRule[] {
  return rulesByBase(tables).flatMap(({ rule, chain }) => {
    const fields = rule.steps.flatMap((step) => (step.kind === "write" ? [step.what] : []));
    return fields.length === 0 ? [] : [{ rule, what: fields.join(", "), chain }];
  });
}

/** Rules before conntrack that disable tracking or set another zone, once for each base chain that leads to them. */
export function untrackingRules(tables: readonly ReadTable[]): Omit<WritingRule, "what">[] {
  const isBefore = ({ base: { hook, priority } }: BaseChain) =>
    (hook === "output" || hook === "prerouting") && priority <= CONNTRACK_PRIORITY;
  return rulesByBase(tables).filter(({ rule, chain }) => isBefore(chain) && untracks(rule.rule));
}

/** NF_IP_PRI_CONNTRACK, linux/netfilter_ipv4.h. */
export const CONNTRACK_PRIORITY = -200;

function rulesByBase(tables: readonly ReadTable[]): Omit<WritingRule, "what">[] {
  return tables.flatMap((read) =>
    [...read.table.chains].flatMap(([name, { base }]) => {
      if (base === undefined) return [];
      const chain = { table: read, name, base };
      const rules = [...chainsFrom(read, [name])].flatMap((one) => read.rules.get(one) ?? []);
      return rules.map((rule) => ({ rule, chain }));
    }),
  );
}

/** Chains that packets may reach from the hooks with verdicts. */
function reachedChains(read: ReadTable): ReadonlySet<string> {
  const counts = [...read.table.chains].flatMap(([name, { base }]) =>
    base === undefined || base.type === "nat" || base.hook === "ingress" ? [] : [name],
  );
  return chainsFrom(read, counts);
}

/** These chains and all chains reachable from them. */
export function chainsFrom({ rules }: Pick<ReadTable, "rules">, names: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [...names];
  for (let chain = waiting.pop(); chain !== undefined; chain = waiting.pop()) {
    if (reached.has(chain)) continue;
    reached.add(chain);
    for (const { verdict } of rules.get(chain) ?? []) {
      if (verdict !== undefined && "chain" in verdict) waiting.push(verdict.chain);
    }
  }
  return reached;
}

function stepsOf(tables: readonly ReadTable[]) {
  return tables.flatMap(({ rules }) => [...rules.values()].flat().flatMap(({ steps }) => steps));
}
