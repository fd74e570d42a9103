import { canonicalJson } from "../../../model/canonical.ts";
import type { ClassSet } from "../../../model/firewall/policy.ts";
import { CLASSES } from "../../../model/ownership.ts";
import type { ClassifierAtom, ClassifierCondition, ClassifierSpec } from "../../../model/program/classifier.ts";
import { conditionIn, knownOf, numberClasses } from "./class-numbers.ts";
import type { MatchAlternative } from "./match-alternatives.ts";
import type { ProgramCondition } from "./program-condition.ts";
import { mayHold, socketClasses } from "./socket-classes.ts";

/** What the classifier of a host holds at most. */
const MOST = { atoms: 128, conditions: 64, classes: CLASSES.last - CLASSES.first + 1, depth: 8 } as const;

/** The classes that the rules of a config distinguish. */
export interface ProgramClasses {
  readonly spec: ClassifierSpec;
  /** The classes of the sockets for which the condition of an alternative holds, as far as it matters. */
  classesOf(condition: ProgramCondition): readonly number[];
  /** Every socket of a program in none of these classes. */
  readonly unclassified: ClassSet;
}

/**
 * The classes for rules in order, given as their alternatives; undefined without a condition on programs.
 *
 * @param last the spec of the last accepted state; its numbers stay
 * @returns one clause for people if they do not fit into the classifier
 */
export function programClasses(
  alternatives: readonly MatchAlternative[],
  last: ClassifierSpec | undefined,
): ProgramClasses | string | undefined {
  const table = new ConditionTable();
  const rules = alternatives.map(({ program, ...traffic }) => {
    const isFinal = Object.keys(traffic).length === 0;
    return program === undefined ? { isFinal } : { condition: table.positionOf(program), isFinal };
  });
  const { atoms, conditions } = table;
  if (conditions.length === 0) return undefined;
  if (atoms.length > MOST.atoms) return `the rules name more than ${MOST.atoms} programs, users and groups`;
  if (conditions.length > MOST.conditions) return `more than ${MOST.conditions} conditions on programs; join rules`;
  if (conditions.some((one) => depthOf(one) > MOST.depth)) return `all, any and not nest deeper than ${MOST.depth}`;
  const found = socketClasses(rules, conditions, atoms, MOST.classes);
  if (found === undefined) {
    return `more than ${MOST.classes} combinations of programs; put rules without destinations, ports and protocol first`;
  }
  const spec = numberClasses({ atoms, conditions, ...found }, last);
  return {
    spec,
    classesOf: (condition) => {
      const position = table.positionOf(condition);
      return numbers(spec.classes.filter((one) => one.conditions.includes(position)));
    },
    unclassified: { otherThan: numbers(spec.classes) },
  };
}

/** The classes of sockets for which a condition may hold; also that of a program without a class. */
export function possibleClasses(spec: ClassifierSpec, condition: ProgramCondition): ClassSet {
  return { otherThan: numbers(impossibleClasses(spec, condition)) };
}

/** The classes of sockets that certainly do not fulfil a condition. */
function impossibleClasses(spec: ClassifierSpec, condition: ProgramCondition): ClassifierSpec["classes"] {
  const table = new ConditionTable(spec);
  const asked = table.conditionOf(condition);
  return spec.classes.filter((one) => {
    const { held, failed } = knownOf(one, spec);
    const known = [
      ...held.map((position) => table.conditionAt(position)),
      ...failed.map((position): ClassifierCondition => ({ not: table.conditionAt(position) })),
    ];
    return !mayHold({ all: [...known, asked] }, table.atoms);
  });
}

/** The distinct atoms and conditions that were asked for, in this order. */
class ConditionTable {
  readonly atoms: ClassifierAtom[] = [];
  readonly conditions: ClassifierCondition[] = [];
  readonly #atoms = new Map<string, number>();
  readonly #positions = new Map<string, number>();

  constructor(spec?: ClassifierSpec) {
    for (const condition of spec?.conditions ?? []) this.positionOf(conditionIn(spec as ClassifierSpec, condition));
  }

  positionOf(condition: ProgramCondition): number {
    const text = canonicalJson(condition);
    const known = this.#positions.get(text);
    if (known !== undefined) return known;
    this.#positions.set(text, this.conditions.length);
    return this.conditions.push(this.conditionOf(condition)) - 1;
  }

  conditionAt(position: number): ClassifierCondition {
    return this.conditions[position] ?? { any: [] };
  }

  conditionOf(condition: ProgramCondition): ClassifierCondition {
    if ("all" in condition) return { all: condition.all.map((one) => this.conditionOf(one)) };
    if ("any" in condition) return { any: condition.any.map((one) => this.conditionOf(one)) };
    if ("not" in condition) return { not: this.conditionOf(condition.not) };
    const text = canonicalJson(condition.atom);
    const known = this.#atoms.get(text);
    if (known !== undefined) return { atom: known };
    this.#atoms.set(text, this.atoms.length);
    return { atom: this.atoms.push(condition.atom) - 1 };
  }
}

function depthOf(condition: ClassifierCondition): number {
  if ("atom" in condition) return 0;
  if ("not" in condition) return depthOf(condition.not);
  return 1 + Math.max(0, ...("all" in condition ? condition.all : condition.any).map(depthOf));
}

function numbers(classes: ClassifierSpec["classes"]): number[] {
  return classes.map(({ number }) => number).toSorted((a, b) => a - b);
}
