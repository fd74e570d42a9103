import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import type { NftTableContents } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { NftRule } from "../../../../native/linux/nftables/rule.codec.ts";
import { keyBytes, keyType } from "../../../../native/linux/nftables/set.codec.ts";
import { compareBytes, mergeElements, type SetElement } from "../../../../native/linux/nftables/set-element.codec.ts";
import type { RenderedTable } from "../render/rendered-table.ts";

/** A table by its parts: "chain out" or "set tunnels" → a text that is equal exactly if the part is. */
export type TableParts = ReadonlyMap<string, string>;

/**
 * The parts of a rendered table, without handles, counters and the devices of a hook: the kernel assigns the first, packets
 * change the second, and devices come and go.
 */
export function partsOfRendered({ chains, rules, sets }: RenderedTable): TableParts {
  return new Map([
    ...chainParts(chains, rules),
    ...sets.map(({ set, elements }): [string, string] => [
      `set ${set.name}`,
      setText({ ...set, keyType: keyType(set.fields), keyBytes: keyBytes(set.fields), elements }),
    ]),
  ]);
}

/** The parts of a table in the kernel, in the same form. */
export function partsOfRead({ chains, rules, sets }: NftTableContents): TableParts {
  return new Map([
    ...chainParts(chains, rules),
    ...sets.map((set): [string, string] => [`set ${set.name}`, setText(set)]),
  ]);
}

/** The differences, for people: one sentence for each part that is missing, changed or foreign. */
export function comparePartsOf(table: string, expected: TableParts, found: TableParts): string[] {
  const damage: string[] = [];
  for (const [part, text] of expected) {
    const there = found.get(part);
    if (there === undefined) damage.push(`the ${part} of the nf_tables table ${table} is gone`);
    else if (there !== text) damage.push(`the ${part} of the nf_tables table ${table} was changed`);
  }
  for (const part of found.keys()) {
    if (!expected.has(part)) damage.push(`another program added the ${part} to the nf_tables table ${table}`);
  }
  return damage;
}

function chainParts(chains: readonly NftChain[], rules: readonly NftRule[]): [string, string][] {
  const byChain = new Map<string, string[]>(chains.map((chain) => [chain.name, [chainText(chain)]]));
  for (const { chain, expressions, comment } of rules) {
    byChain.get(chain)?.push(`${expressions.map(expressionText).join(" ")} # ${comment ?? ""}`);
  }
  return [...byChain].map(([name, lines]) => [`chain ${name}`, lines.join("\n")]);
}

function chainText({ base, comment }: NftChain): string {
  const hook = base === undefined ? "" : `${base.type} ${base.hook} ${base.priority} ${base.policy}`;
  return `${hook} # ${comment ?? ""}`;
}

/** A text that is equal exactly if the expression is, without a counter's values. */
export function expressionText(expression: Expression): string {
  if (expression.kind === "counter") return "counter";
  const fields = Object.entries(expression).map(([name, value]) => `${name}=${valueText(value)}`);
  return `{${fields.toSorted().join(",")}}`;
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return hexOf(value);
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner));
}

interface SetParts {
  readonly keyType: number;
  readonly keyBytes: number;
  readonly intervals: boolean;
  readonly timeoutMs?: number;
  readonly elements: readonly SetElement[];
}

/** Expiring elements are not part of the load; permanent elements in such a set are. */
function setText({ keyType: type, keyBytes: bytes, intervals, timeoutMs, elements: all }: SetParts): string {
  const elements = all.filter(({ expires }) => expires !== true);
  const sorted = intervals
    ? mergeElements(elements)
    : elements.toSorted((a, b) => compareBytes(a.from, b.from)).map(({ from }) => ({ from, to: from }));
  const text = sorted.map(({ from, to = from }) => `${hexOf(from)}-${hexOf(to)}`);
  return `${type} ${bytes} ${intervals} ${timeoutMs ?? "for ever"} ${text.join(" ")}`;
}

/** The bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
