import type { ChainBase, NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import { joinMatches, type Match } from "../../../../native/linux/nftables/match.ts";
import type { NftRule } from "../../../../native/linux/nftables/rule.codec.ts";
import type { NewTable } from "../../../../native/linux/nftables/table.codec.ts";
import { plainComment } from "./rule-comment.ts";
import type { RenderedSet, TableSets } from "./table-sets.ts";

/** One table with all that is in it, ready to be sent. */
export interface RenderedTable {
  readonly table: NewTable;
  readonly sets: readonly RenderedSet[];
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
}

/** A chain; with `hook` it is a base chain, which the kernel calls by itself. */
export interface Chain {
  readonly name: string;
  readonly hook?: ChainBase;
  readonly comment?: string;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly expressions: readonly Expression[];
  readonly comment: string;
}

/** Rules for a chain, and the chains to which they jump. */
export interface RulesWithChains {
  readonly rules: readonly Rule[];
  readonly chains: readonly Chain[];
}

/** A rule: all conditions must hold, then the verdict. The comment begins with the paragraph it carries out. */
export function rule(conditions: readonly Match[], then: Expression | readonly Expression[], comment: string): Rule {
  const ending: readonly Expression[] = "kind" in then ? [then] : then;
  return { expressions: [...joinMatches(...conditions), ...ending], comment: plainComment(comment) };
}

/** The table of these chains and of the sets that their rules look up. */
export function renderedTable(table: NewTable, sets: TableSets, chains: readonly Chain[]): RenderedTable {
  const place = { family: table.family, table: table.name };
  return {
    table,
    sets: sets.all,
    chains: chains.map(({ name, hook, comment }) => ({
      ...place,
      name,
      ...(hook === undefined ? {} : { base: hook }),
      ...(comment === undefined ? {} : { comment }),
    })),
    rules: chains.flatMap(({ name, rules }) => rules.map((one) => ({ ...place, chain: name, ...one }))),
  };
}
