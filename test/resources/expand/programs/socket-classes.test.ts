import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClassifierAtom, ClassifierCondition } from "../../../../src/model/program/classifier.ts";
import { type ClassifiedRule, socketClasses } from "../../../../src/resources/expand/programs/socket-classes.ts";

const MOST = 255;
const ATOMS: readonly ClassifierAtom[] = [
  { name: "firefox", of: "self" },
  { name: "curl", of: "self" },
  { file: "/opt/a", of: "self" },
  { folder: "/opt", of: "self" },
  { name: "bash", of: "self-or-ancestor" },
  { users: [[1000, 1000]] },
];
const name = (atom: number): ClassifierCondition => ({ atom });
const classesOf = (...found: Parameters<typeof socketClasses>) =>
  socketClasses(...found)?.classes.map(({ conditions }) => conditions.join(" ") || "none");

describe("the classes of sockets", () => {
  test("rules that ask for a program alone give one class each, and one for all other programs", () => {
    const conditions = ATOMS.map((_, atom) => name(atom));
    const rules = conditions.map((_, condition) => ({ condition, isFinal: true }));
    expect(classesOf(rules, conditions, ATOMS, MOST)).toEqual(["0", "1", "2", "3", "4", "5", "none"]);
  });

  test("conditions that exclude each other give no class together, others do", () => {
    const rules = [0, 1, 2].map((condition) => ({ condition, isFinal: false }));
    expect(classesOf(rules, [name(0), name(1), name(5)], ATOMS, MOST)).toEqual(["0 2", "0", "1 2", "1", "2", "none"]);
  });

  test("more classes than a mark can hold are refused", () => {
    const atoms = Array.from({ length: 9 }, (_, index): ClassifierAtom => ({ folder: `/opt/${index}`, of: "self" }));
    const rules = atoms.map((_, condition) => ({ condition, isFinal: false }));
    expect(
      socketClasses(
        rules,
        rules.map((_, atom) => name(atom)),
        atoms,
        MOST,
      ),
    ).toBeUndefined();
  });

  test("every process has one class, by which each rule up to the first final one is decided as by its condition", () => {
    const condition = fc.letrec<{ condition: ClassifierCondition }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 2 },
        fc.nat(ATOMS.length - 1).map(name),
        fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
        fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
        tie("condition").map((not) => ({ not })),
      ),
    })).condition;
    const setup = fc.array(condition, { minLength: 1, maxLength: 4 }).chain((conditions) =>
      fc.record({
        conditions: fc.constant(conditions),
        rules: fc.array(fc.record({ condition: fc.nat(conditions.length - 1), isFinal: fc.boolean() }), {
          maxLength: 6,
        }),
        held: fc.array(fc.boolean(), { minLength: ATOMS.length, maxLength: ATOMS.length }).filter(isPossible),
      }),
    );
    fc.assert(
      fc.property(setup, ({ conditions, rules, held }) => {
        const found = socketClasses(rules, conditions, ATOMS, MOST);
        expect(found).toBeDefined();
        if (found === undefined) return;
        const bits = conditions.flatMap((one, position) => (isTrue(one, held) ? [position] : []));
        const end = bits.find((position) => found.final.includes(position)) ?? conditions.length;
        const seen = bits.filter((position) => position <= end);
        const mine = found.classes.filter(({ conditions: inClass }) => inClass.join() === seen.join());
        expect(mine).toHaveLength(1);
        expect(decided(rules, (position) => seen.includes(position))).toEqual(
          decided(rules, (position) => bits.includes(position)),
        );
      }),
      { seed: 23, numRuns: 400 },
    );
  });
});

/** The rules that hold, up to the first final one. */
function decided(rules: readonly ClassifiedRule[], holds: (condition: number) => boolean): readonly number[] {
  const held = rules.flatMap((rule, index) => (holds(rule.condition ?? 0) ? [index] : []));
  const end = held.findIndex((index) => rules[index]?.isFinal);
  return end === -1 ? held : held.slice(0, end + 1);
}

function isPossible([firefox = false, curl = false]: readonly boolean[]): boolean {
  return !(firefox && curl);
}

function isTrue(condition: ClassifierCondition, held: readonly boolean[]): boolean {
  if ("atom" in condition) return held[condition.atom] === true;
  if ("not" in condition) return !isTrue(condition.not, held);
  return "all" in condition
    ? condition.all.every((part) => isTrue(part, held))
    : condition.any.some((part) => isTrue(part, held));
}
