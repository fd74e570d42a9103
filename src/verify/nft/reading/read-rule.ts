import { NAME_SET_PREFIX } from "../../../model/ownership.ts";
import type { Expression, ExpressionOf, Verdict } from "../../../native/linux/nftables/expression.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";
import type { SetElement } from "../../../native/linux/nftables/set-element.codec.ts";
import { ALL_BITS, chainChanges } from "../../space/mark-classes.ts";
import { inSetsTerm } from "../../space/packet-fields.ts";
import { isOurs, nameOfRule, type RuleTable } from "../rule-table.ts";
import { bothConditions, type Condition, conditionOf, eitherCondition } from "./condition.ts";
import { readExtension } from "./extension.ts";
import { holdsJudgedFlows, judgedStep } from "./judged-step.ts";
import { loadValue } from "./load/load-value.ts";
import { holdsDestinations, onLinkSteps } from "./on-link-step.ts";
import type { ReadingContext } from "./reading-context.ts";
import { bytesOf, maskValue, type RegisterValue, slotOf, turnValue } from "./register-value.ts";
import type { ReadRule, RuleStep } from "./rule-step.ts";
import { untracks } from "./untracked.ts";
import type { ByteRange } from "./value-terms.ts";
import { writtenFields } from "./written-fields.ts";

/** Statements that do not change a packet's path. */
const HARMLESS: ReadonlySet<Expression["kind"]> = new Set(["counter", "log", "notrack", "ct-set"]);

/**
 * Reads a rule for packets of one IP version, independently of the renderer.
 *
 * A rule with a verdict map gives one rule for each verdict. Packets without a match continue after the last of them.
 */
export function readRule(table: RuleTable, rule: NftRule, context: ReadingContext): ReadRule[] {
  // What it drops exceeds a rate (S4.16); any packet may pass it.
  if (isOurs(table) && rule.expressions.some((one) => one.kind === "limit" && one.inverted)) return [];
  const read = new RuleReader(table, context).read(rule).map(withoutIdleDoubts);
  return context.opens === true ? read.map(withoutMemory) : read;
}

/** The first packet of a flow is not known from one before. */
function withoutMemory(rule: ReadRule): ReadRule {
  return { ...rule, steps: rule.steps.map((step) => (step.kind === "remembered" ? { kind: "test", any: [] } : step)) };
}

/**
 * Drops doubts from rules without a verdict or mark change. Rules that write packets or disable tracking keep their
 * tests.
 */
function withoutIdleDoubts(rule: ReadRule): ReadRule {
  const changes =
    rule.verdict !== undefined || rule.steps.some(({ kind }) => kind.startsWith("mark") || kind === "remember");
  const isIdle = !changes && !rule.steps.some((step) => step.kind === "doubt" && SENDS_BY_ITSELF.test(step.what));
  if (!isIdle) return rule;
  const isReported = rule.steps.some(({ kind }) => kind === "write") || untracks(rule.rule);
  return { ...rule, steps: isReported ? rule.steps.filter(({ kind }) => kind === "test" || kind === "write") : [] };
}

/** Expressions that redirect or copy packets past all further chains. */
export const SENDS_BY_ITSELF = /\b(dup|fwd|TEE)\b/;

class RuleReader {
  readonly #table: RuleTable;
  readonly #context: ReadingContext;
  /** By slot of four bytes. */
  readonly #registers = new Map<number, RegisterValue>();
  #steps: RuleStep[] = [];

  constructor(table: RuleTable, context: ReadingContext) {
    this.#table = table;
    this.#context = context;
  }

  read(rule: NftRule): ReadRule[] {
    const common = { rule, name: nameOfRule(this.#table, rule) };
    const found: ReadRule[] = [];
    for (const [index, expression] of rule.expressions.entries()) {
      const written = writtenFields(rule.expressions, index, this.#context);
      if (written !== undefined) {
        this.#steps.push(...written.map((what) => ({ kind: "write", what }) as const));
        continue;
      }
      const branches = this.#branchesOf(expression);
      if (branches !== undefined) {
        const before = this.#steps;
        found.push(...branches.map(({ steps, verdict }) => ({ ...common, steps: [...before, ...steps], verdict })));
        return found;
      }
      this.#readExpression(expression);
      // If no packet of this IP version matches, the rest of the rule has no effect.
      const last = this.#steps.at(-1);
      if (last?.kind === "test" && last.any.length === 0) return [{ ...common, steps: [last] }];
    }
    return [{ ...common, steps: this.#steps }];
  }

  /** The branches of an expression that ends the rule, each with its condition. */
  #branchesOf(expression: Expression): Branch[] | undefined {
    if (expression.kind === "verdict") return [{ steps: [], verdict: expression.verdict }];
    if (expression.kind === "reject") return [{ steps: [], verdict: { code: "drop" } }];
    if (expression.kind === "unknown" && readExtension(expression, this.#context.family).kind === "drop") {
      return [{ steps: [], verdict: { code: "drop" } }];
    }
    if (expression.kind !== "lookup") return undefined;
    const set = this.#table.sets.get(expression.set);
    // After `continue` the rest of the rule is evaluated.
    const isEnd = (verdict: Verdict | undefined) => verdict !== undefined && verdict.code !== "continue";
    if (set?.verdicts !== true || !set.elements.every(({ verdict }) => isEnd(verdict))) return undefined;
    const byVerdict = Map.groupBy(set.elements, ({ verdict, from }) => JSON.stringify([isCatchAll({ from }), verdict]));
    const branches = [...byVerdict.values()].flatMap((elements) => {
      const [verdict] = elements.flatMap((element) => element.verdict ?? []);
      const steps = stepsOf(this.#lookUp(expression.set, expression.register, elements));
      return verdict === undefined ? [] : [{ steps, verdict, isRest: elements.some(isCatchAll) }];
    });
    return branches.toSorted((a, b) => Number(a.isRest) - Number(b.isRest));
  }

  #readExpression(expression: Expression): void {
    if (HARMLESS.has(expression.kind)) return;
    // It selects the socket of a packet that arrives by loopback (S5.7).
    if (expression.kind === "tproxy" && isOurs(this.#table)) return;
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
      case "unknown":
        this.#readExtension(expression);
        return;
      case "meta-set":
        if (expression.key === "mark") this.#steps.push(this.#markStep(expression.source));
        return;
      case "set-update":
        if (!expression.removes && holdsDestinations(this.#table, expression.set)) this.#readOnLink(expression);
        else if (expression.removes || !holdsJudgedFlows(this.#table, expression.set))
          this.#steps.push({ kind: "doubt", what: expression.kind });
        else this.#steps.push(judgedStep("remember", expression, this.#registers));
        return;
      default:
        this.#steps.push({ kind: "doubt", what: expression.kind });
    }
  }

  #write({ register }: { readonly register: number }, value: RegisterValue): void {
    this.#registers.set(slotOf(register), value);
  }

  #valueAt(register: number): RegisterValue {
    return this.#registers.get(slotOf(register)) ?? { kind: "opaque", what: "a register that no expression wrote" };
  }

  #readCompare({ operator, register, data }: ExpressionOf<"cmp">): void {
    const value = this.#valueAt(register);
    const zeros = new Uint8Array(data.length);
    const ones = new Uint8Array(data.length).fill(255);
    const above: ByteRange = { from: data, to: ones };
    const below: ByteRange = { from: zeros, to: data };
    const isEqual = operator === "eq" || operator === "neq";
    if (isEqual) this.#test(value, [{ from: data, to: data }], operator === "neq");
    else if (operator === "gte" || operator === "lt") this.#test(value, [above], operator === "lt");
    else this.#test(value, [below], operator === "gt");
  }

  #test(value: RegisterValue, ranges: readonly ByteRange[], not: boolean): void {
    this.#steps.push(...stepsOf(conditionOf(value, ranges, not)));
  }

  #readExtension(expression: ExpressionOf<"unknown">): void {
    const extension = readExtension(expression, this.#context.family);
    if (extension.kind === "condition") this.#steps.push(...stepsOf(extension.condition));
    else if (extension.kind === "mark" || extension.kind === "mark-lost" || extension.kind === "write")
      this.#steps.push(extension);
    else if (extension.kind === "unknown") this.#steps.push({ kind: "doubt", what: extension.what });
  }

  #readLookup({ set: name, register, inverted, into }: ExpressionOf<"lookup">): void {
    const set = this.#table.sets.get(name);
    const doubt = (what: string) => this.#steps.push({ kind: "doubt", what });
    if (set === undefined) return void doubt(`the set ${name}, which is not there`);
    if (set.verdicts) return void doubt(`the map ${name}`);
    if (!inverted && holdsJudgedFlows(this.#table, name)) {
      return void this.#steps.push(judgedStep("remembered", { set: name, register }, this.#registers));
    }
    if (!inverted && holdsDestinations(this.#table, name)) {
      this.#readOnLink({ kind: "lookup", set: name, register });
      return;
    }
    if (isOurs(this.#table) && name.startsWith(NAME_SET_PREFIX)) {
      const term = inSetsTerm([name.replace(/-v[46]$/, "")], !inverted);
      return void this.#steps.push({ kind: "test", any: [[term]] });
    }
    if (isOurs(this.#table) && set.isFilledByRules) return void doubt(`the set ${name}, which rules fill`);
    this.#steps.push(...stepsOf(this.#lookUp(name, register, set.elements, inverted)));
    if (into !== undefined) this.#write({ register: into }, { kind: "opaque", what: `the map ${name}` });
  }

  #readOnLink({ kind, set, register }: { kind: "set-update" | "lookup"; set: string; register: number }): void {
    const second = slotOf(register) + (this.#context.family === 4 ? 1 : 4);
    const pair = [this.#valueAt(register), this.#registers.get(second)];
    this.#steps.push(...onLinkSteps(kind, set, pair));
  }

  #lookUp(name: string, register: number, elements: readonly SetElement[], not = false): Condition {
    if (elements.some(isCatchAll)) return { any: not ? [] : [[]] };
    const ranges = elements.map(({ from, to = from }) => ({ from, to }));
    const parts = this.#concatenationAt(register, ranges[0]?.from.length ?? 0);
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return conditionOf(only.value, ranges, not);
    if (not) return { any: [[]], opaque: `not in the concatenations of the set ${name}` };
    return eitherCondition(
      ranges.map(({ from, to }) =>
        // An element with several fields: every field must match.
        parts
          .map(({ value, at, bytes }) =>
            conditionOf(value, [{ from: from.slice(at, at + bytes), to: to.slice(at, at + bytes) }], false),
          )
          .reduce(bothConditions),
      ),
    );
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
      return { kind: "mark", change: { keep: 0, set: nativeEndianNumber(value.bytes) } };
    }
    if (value.kind !== "number" || value.dimension !== "mark" || !value.reversed || value.mask.length !== 4) {
      return { kind: "mark-lost", bits: ALL_BITS };
    }
    const change = chainChanges(
      { keep: 0xffff_ffff, set: 0 },
      { keep: nativeEndianNumber(value.mask), set: nativeEndianNumber(value.xor) },
    );
    // Mark classes cannot represent inverted bits.
    return (change.keep & change.set) !== 0 ? { kind: "mark-lost", bits: ALL_BITS } : { kind: "mark", change };
  }
}

interface Part {
  readonly value: RegisterValue;
  readonly at: number;
  readonly bytes: number;
}

const NOBODY: RegisterValue = { kind: "opaque", what: "a register that no expression wrote" };

interface Branch {
  readonly steps: readonly RuleStep[];
  readonly verdict: Verdict;
}

/** The element `*`, which has no key and matches if no other element does. */
function isCatchAll({ from }: Pick<SetElement, "from">): boolean {
  return from.length === 0;
}

/** Converts a condition to rule steps; none if it always holds. */
function stepsOf({ any, opaque }: Condition): RuleStep[] {
  const isAlways = any.some((terms) => terms.length === 0);
  return [
    ...(isAlways ? [] : [{ kind: "test", any } as const]),
    ...(opaque === undefined || any.length === 0 ? [] : [{ kind: "doubt", what: opaque } as const]),
  ];
}

function nativeEndianNumber(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
