import type { PortRange } from "../../../../model/firewall/policy.ts";
import type { FieldName, TableFamily } from "../../../../native/linux/nftables/field.ts";
import type { NftSet } from "../../../../native/linux/nftables/set.codec.ts";
import { elementOf, prefixElements, type SetElement } from "../../../../native/linux/nftables/set-element.codec.ts";
import type { NewTable } from "../../../../native/linux/nftables/table.codec.ts";

export interface RenderedSet {
  readonly set: NftSet;
  readonly elements: readonly SetElement[];
}

interface ListContent {
  readonly elements: readonly SetElement[];
  /** Equal for lists of the same prefixes, in whatever order. */
  readonly text: string;
}

/** The content of a list, which several tables hold. */
const knownContent = new WeakMap<readonly string[], ListContent>();

/** The sets of a table, made when a rule first needs them; equal sets are made once. */
export class TableSets {
  readonly #table: Pick<NewTable, "family" | "name">;
  readonly #sets: RenderedSet[] = [];
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** Long lists are used by many chains, and are compared by identity before their content is. */
  readonly #lists = new Map<readonly string[], string>();

  constructor(table: Pick<NewTable, "family" | "name">) {
    this.#table = table;
  }

  get family(): TableFamily {
    return this.#table.family;
  }

  /** Every set so far. */
  get all(): readonly RenderedSet[] {
    return this.#sets;
  }

  /** The name of a set that holds these addresses or prefixes, all of one family. */
  addresses(name: string, family: 4 | 6, prefixes: readonly string[]): string {
    const known = this.#lists.get(prefixes);
    if (known !== undefined) return known;
    const field = family === 4 ? "ip.daddr" : "ip6.daddr";
    const { text, elements } = contentOf(field, prefixes);
    const made = this.#set(`${name}-v${family}`, field, true, text, elements);
    this.#lists.set(prefixes, made);
    return made;
  }

  /** The name of a set that holds these ports. */
  ports(name: string, ranges: readonly PortRange[]): string {
    const elements = ranges.map(({ from, to }) => elementOf(["th.dport"], [{ from, to }]));
    const content = ranges.map(({ from, to }) => `${from}-${to}`).toSorted();
    return this.#set(name, "th.dport", true, content.join(" "), elements);
  }

  /** The name of a set that holds single values of a field. */
  values(name: string, field: FieldName, values: readonly (string | number)[]): string {
    const elements = [...new Set(values)].map((value) => ({ from: elementOf([field], [value]).from }));
    return this.#set(name, field, false, values.join(" "), elements);
  }

  /**
   * Makes, once, a set of that name whose elements come and go by themselves; it is empty when the table is loaded. Rules
   * may add elements where it says how many at most.
   */
  expiring(name: string, fields: readonly FieldName[], timeoutMs: number, mostElements?: number): void {
    if (this.#names.has(name)) return;
    this.#names.set(name, name);
    this.#taken.add(name);
    const { family, name: table } = this.#table;
    const room = mostElements === undefined ? {} : { mostElements };
    this.#sets.push({ set: { family, table, name, fields, intervals: false, timeoutMs, ...room }, elements: [] });
  }

  #set(name: string, field: FieldName, intervals: boolean, content: string, elements: readonly SetElement[]): string {
    const key = `${field} ${content}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    let unique = name;
    for (let number = 2; this.#taken.has(unique); number += 1) unique = `${name}-${number}`;
    this.#names.set(key, unique);
    this.#taken.add(unique);
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

function contentOf(field: "ip.daddr" | "ip6.daddr", prefixes: readonly string[]): ListContent {
  const known = knownContent.get(prefixes);
  if (known !== undefined) return known;
  const content = { elements: prefixElements(field, prefixes), text: prefixes.toSorted().join(" ") };
  knownContent.set(prefixes, content);
  return content;
}
