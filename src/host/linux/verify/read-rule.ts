import { chainChanges, type MarkChange } from "../../../model/verify/space/mark-classes.ts";
import type { Term } from "../../../model/verify/space/term.ts";
import type { Expression, ExpressionOf, Verdict } from "../../../native/linux/nftables/expression.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";
import { loadValue, type ReadingContext } from "./load-value.ts";
import { maskValue, type RegisterValue, turnValue } from "./register-value.ts";
import { nameOfRule, type RuleTable } from "./rule-table.ts";
import { type ByteRange, termOf } from "./value-terms.ts";

/** One step of a rule as a statement about sets of packets. */
export type RuleStep =
  /** The rule goes on for packets of which all terms of one of the alternatives hold. */
  | { readonly kind: "test"; readonly any: readonly (readonly Term[])[] }
  | { readonly kind: "mark"; readonly change: MarkChange }
  /** The mark becomes what awg cannot say. */
  | { readonly kind: "mark-lost" }
  /** Whether the rule goes on here cannot be said. */
  | { readonly kind: "doubt"; readonly what: string };

/** A rule ready to be asked about sets of packets. */
export interface ReadRule {
  readonly rule: NftRule;
  readonly name: string;
  readonly steps: readonly RuleStep[];
  /** Absent: whatever reaches the end goes on to the next rule. */
  readonly verdict?: Verdict;
}

/** Statements that change nothing about where a packet goes. */
const HARMLESS: ReadonlySet<Expression["kind"]> = new Set(["counter", "log", "notrack", "ct-set"]);

/** Reads a rule for packets of one IP version: an independent reading, which shares nothing with the renderer. */
export function readRule(table: RuleTable, rule: NftRule, context: ReadingContext): ReadRule {
  return new RuleReader(table, context).read(rule);
}

class RuleReader {
  readonly #table: RuleTable;
  readonly #context: ReadingContext;
  /** By slot of four bytes. */
  readonly #registers = new Map<number, RegisterValue>();
  readonly #steps: RuleStep[] = [];

  constructor(table: RuleTable, context: ReadingContext) {
    this.#table = table;
    this.#context = context;
  }

  read(rule: NftRule): ReadRule {
    const common = { rule, name: nameOfRule(this.#table, rule), steps: this.#steps };
    for (const expression of rule.expressions) {
      const verdict = verdictOf(expression);
      if (verdict !== undefined) return { ...common, verdict };
      this.#readExpression(expression);
      // Of a rule that no packet of this IP version meets, the rest means nothing.
      const last = this.#steps.at(-1);
      if (last?.kind === "test" && last.any.length === 0) return { ...common, steps: [last] };
    }
    return common;
  }

  #readExpression(expression: Expression): void {
    if (HARMLESS.has(expression.kind)) return;
    const loaded = loadValue(expression, this.#context);
    if (loaded !== undefined && "register" in expression) {
      if (loaded.needs.length > 0) this.#steps.push({ kind: "test", any: [loaded.needs] });
      this.#registers.set(slotOf(expression.register), loaded.value);
      return;
    }
    switch (expression.kind) {
      case "bitwise":
        this.#write(expression, maskValue(this.#valueAt(expression.source), expression.mask, expression.xor));
        return;
      case "byteorder":
        this.#write(expression, turnValue(this.#valueAt(expression.source), expression.size, expression.length));
        return;
      case "cmp":
        this.#readCompare(expression);
        return;
      case "range":
        this.#test(this.#valueAt(expression.register), [expression], expression.operator === "neq");
        return;
      case "lookup":
        this.#readLookup(expression);
        return;
      case "meta-set":
        if (expression.key === "mark") this.#steps.push(this.#markStep(expression.source));
        return;
      default:
        this.#steps.push({ kind: "doubt", what: expression.kind === "unknown" ? expression.name : expression.kind });
    }
  }

  #write({ register }: { readonly register: number }, value: RegisterValue): void {
    this.#registers.set(slotOf(register), value);
  }

  #valueAt(register: number): RegisterValue {
    return this.#registers.get(slotOf(register)) ?? { kind: "opaque", what: "a register nobody wrote" };
  }

  #readCompare({ operator, register, data }: ExpressionOf<"cmp">): void {
    const value = this.#valueAt(register);
    const zeros = new Uint8Array(data.length);
    const ones = new Uint8Array(data.length).fill(255);
    const above: ByteRange = { from: data, to: ones };
    const below: ByteRange = { from: zeros, to: data };
    if (operator === "eq" || operator === "neq") {
      this.#test(value, [{ from: data, to: data }], operator === "neq");
    } else if (operator === "gte" || operator === "lt") this.#test(value, [above], operator === "lt");
    else this.#test(value, [below], operator === "gt");
  }

  #test(value: RegisterValue, ranges: readonly ByteRange[], not: boolean): void {
    const term = termOf(value, ranges, not);
    if (term === true) return;
    if (term === false) this.#steps.push({ kind: "test", any: [] });
    else if ("opaque" in term) this.#steps.push({ kind: "doubt", what: term.opaque });
    else this.#steps.push({ kind: "test", any: [[term]] });
  }

  #readLookup({ set: name, register, inverted, into }: ExpressionOf<"lookup">): void {
    const set = this.#table.sets.get(name);
    if (set === undefined) this.#steps.push({ kind: "doubt", what: `the set ${name}, which is not there` });
    else if (into !== undefined || set.verdicts) this.#steps.push({ kind: "doubt", what: `the map ${name}` });
    else {
      const ranges = set.elements.map(({ from, to = from }) => ({ from, to }));
      const parts = this.#concatenationAt(register, ranges[0]?.from.length ?? 0);
      const [only] = parts;
      if (only !== undefined && parts.length === 1) this.#test(only.value, ranges, inverted);
      else if (inverted) this.#steps.push({ kind: "doubt", what: `not in the concatenations of the set ${name}` });
      else this.#lookUpTogether(name, parts, ranges);
    }
  }

  /** An element of several fields: every field's part must hold. */
  #lookUpTogether(name: string, parts: readonly Part[], ranges: readonly ByteRange[]): void {
    const alternatives: Term[][] = [];
    for (const { from, to } of ranges) {
      const terms = parts.map(({ value, at, bytes }) =>
        termOf(value, [{ from: from.subarray(at, at + bytes), to: to.subarray(at, at + bytes) }], false),
      );
      if (terms.some((term) => typeof term === "object" && "opaque" in term)) {
        this.#steps.push({ kind: "doubt", what: `the set ${name}` });
        return;
      }
      if (!terms.includes(false)) alternatives.push(terms.filter((term) => typeof term === "object") as Term[]);
    }
    this.#steps.push({ kind: "test", any: alternatives });
  }

  #concatenationAt(register: number, keyBytes: number): Part[] {
    const first = this.#valueAt(register);
    const parts: Part[] = [];
    let at = 0;
    while (at < keyBytes) {
      const value = at === 0 ? first : (this.#registers.get(slotOf(register) + at / 4) ?? NOBODY);
      const bytes = Math.min(bytesOf(value) ?? keyBytes, keyBytes - at);
      parts.push({ value, at, bytes });
      at += Math.ceil(bytes / 4) * 4;
    }
    return parts.length === 0 ? [{ value: first, at: 0, bytes: 0 }] : parts;
  }

  #markStep(source: number): RuleStep {
    const value = this.#valueAt(source);
    if (value.kind === "constant" && value.bytes.length === 4) {
      return { kind: "mark", change: { keep: 0, set: hostNumber(value.bytes) } };
    }
    if (value.kind !== "number" || value.dimension !== "mark" || !value.reversed || value.mask.length !== 4) {
      return { kind: "mark-lost" };
    }
    const change = chainChanges(
      { keep: 0xffff_ffff, set: 0 },
      { keep: hostNumber(value.mask), set: hostNumber(value.xor) },
    );
    // Bits that are turned over have no place among the classes of marks.
    return (change.keep & change.set) !== 0 ? { kind: "mark-lost" } : { kind: "mark", change };
  }
}

interface Part {
  readonly value: RegisterValue;
  readonly at: number;
  readonly bytes: number;
}

const NOBODY: RegisterValue = { kind: "opaque", what: "a register nobody wrote" };

/** How many bytes of a concatenation a value has; undefined where that cannot be said. */
function bytesOf(value: RegisterValue): number | undefined {
  if (value.kind === "number") return value.mask.length;
  if (value.kind === "constant") return value.bytes.length;
  return value.kind === "named" ? value.bytesOf("").length : undefined;
}

/** What ends the packet's way through this chain. */
function verdictOf(expression: Expression): Verdict | undefined {
  if (expression.kind === "verdict") return expression.verdict;
  return expression.kind === "reject" ? { code: "drop" } : undefined;
}

/** Registers 1–4 have 16 bytes each, 8–23 are the same bytes by fours. */
function slotOf(register: number): number {
  return register < 8 ? 4 * (register - 1) : register - 8;
}

function hostNumber(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
