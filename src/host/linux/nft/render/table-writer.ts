import type { PortRange } from "../../../../model/firewall/policy.ts";
import type { ChainBase, NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import type { FieldName, TableFamily } from "../../../../native/linux/nftables/field.ts";
import { joinMatches, type Match } from "../../../../native/linux/nftables/match.ts";
import type { NftRule } from "../../../../native/linux/nftables/rule.codec.ts";
import type { NftSet } from "../../../../native/linux/nftables/set.codec.ts";
import { elementOf, type SetElement } from "../../../../native/linux/nftables/set-element.codec.ts";
import type { NewTable } from "../../../../native/linux/nftables/table.codec.ts";

/** One table with all that is in it, ready to be sent. */
export interface RenderedTable {
  readonly table: NewTable;
  readonly sets: readonly RenderedSet[];
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
}

export interface RenderedSet {
  readonly set: NftSet;
  readonly elements: readonly SetElement[];
}

const COMMENT_BYTES = 127;

/** Collects a table's chains, rules and sets; equal sets are made once. */
export class TableWriter {
  readonly #table: NewTable;
  readonly #sets: RenderedSet[] = [];
  readonly #setNames = new Map<string, string>();
  readonly #chains: NftChain[] = [];
  readonly #rules: NftRule[] = [];

  constructor(table: NewTable) {
    this.#table = table;
  }

  get family(): TableFamily {
    return this.#table.family;
  }

  /** The rules so far. */
  get rules(): readonly NftRule[] {
    return this.#rules;
  }

  /** Adds a chain; `base` hooks it into the kernel's packet path. */
  chain(name: string, options: { base?: ChainBase; comment?: string } = {}): void {
    this.#chains.push({ family: this.#table.family, table: this.#table.name, name, ...options });
  }

  /** Appends a rule: all conditions must hold, then the verdict. The comment begins with the paragraph it carries out. */
  rule(chain: string, conditions: readonly Match[], then: Expression | readonly Expression[], comment: string): void {
    const ending: readonly Expression[] = "kind" in then ? [then] : then;
    const expressions = [...joinMatches(...conditions), ...ending];
    const { family, name: table } = this.#table;
    this.#rules.push({ family, table, chain, expressions, comment: plainComment(comment) });
  }

  /** The name of a set that holds these addresses or prefixes, all of one family. */
  addressSet(name: string, family: 4 | 6, prefixes: readonly string[]): string {
    const field = family === 4 ? "ip.daddr" : "ip6.daddr";
    const elements = prefixes.map((prefix) => elementOf([field], [prefix]));
    return this.#set(`${name}-v${family}`, field, true, prefixes.toSorted().join(" "), elements);
  }

  /** The name of a set that holds these ports. */
  portSet(name: string, ranges: readonly PortRange[]): string {
    const elements = ranges.map(({ from, to }) => elementOf(["th.dport"], [{ from, to }]));
    const content = ranges.map(({ from, to }) => `${from}-${to}`).toSorted();
    return this.#set(name, "th.dport", true, content.join(" "), elements);
  }

  /** The name of a set that holds single values of a field. */
  valueSet(name: string, field: FieldName, values: readonly (string | number)[]): string {
    const elements = [...new Set(values)].map((value) => ({ from: elementOf([field], [value]).from }));
    return this.#set(name, field, false, values.join(" "), elements);
  }

  /** Makes the set of that name, which rules look up by name; it may be empty. */
  namedSet(name: string, field: FieldName, values: readonly (string | number)[]): void {
    this.valueSet(name, field, values);
  }

  /**
   * Makes, once, a set of that name whose elements come and go by themselves; it is empty when the table is loaded. Rules
   * may add elements where it says how many at most.
   */
  expiringSet(name: string, fields: readonly FieldName[], timeoutMs: number, mostElements?: number): void {
    if (this.#setNames.has(name)) return;
    this.#setNames.set(name, name);
    const { family, name: table } = this.#table;
    const room = mostElements === undefined ? {} : { mostElements };
    this.#sets.push({ set: { family, table, name, fields, intervals: false, timeoutMs, ...room }, elements: [] });
  }

  /** What was collected. */
  finish(): RenderedTable {
    return { table: this.#table, sets: this.#sets, chains: this.#chains, rules: this.#rules };
  }

  #set(name: string, field: FieldName, intervals: boolean, content: string, elements: readonly SetElement[]): string {
    const key = `${field} ${content}`;
    const known = this.#setNames.get(key);
    if (known !== undefined) return known;
    const taken = new Set(this.#setNames.values());
    let unique = name;
    for (let number = 2; taken.has(unique); number += 1) unique = `${name}-${number}`;
    this.#setNames.set(key, unique);
    const set: NftSet = {
      family: this.#table.family,
      table: this.#table.name,
      name: unique,
      fields: [field],
      intervals,
    };
    this.#sets.push({ set, elements });
    return unique;
  }
}

/**
 * Rule names come from the configuration, and people feed what `nft list` prints back to nft: nothing that ends a quoted
 * string may stand in a comment, nor more than the 128 bytes that nft takes.
 */
function plainComment(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\]/g, "?").slice(0, COMMENT_BYTES);
}

/** The prefixes of one family. */
export function prefixesOf(family: 4 | 6, prefixes: readonly string[]): string[] {
  return prefixes.filter((prefix) => prefix.includes(":") === (family === 6));
}
