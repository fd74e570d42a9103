import type { ClassifierCondition } from "../../../../model/program/classifier.ts";
import type { Instruction } from "../../../../native/linux/bpf/instruction.ts";
import { AT, constant, FILE, MOST_SLOTS, move, store, storeConstant } from "./emit.ts";
import type { ClassifierQuestion } from "./question.ts";

/** The bits of the rules that hold, up to the first that is final. */
export function ruleBits({ conditions, final }: ClassifierQuestion): Instruction[] {
  const bits = conditions.flatMap((condition, bit): Instruction[] => [
    ...evaluate(condition, 0),
    { kind: "alu", op: "lsh", target: 0, by: { constant: bit } },
    { kind: "alu", op: "or", target: FILE, by: { register: 0 } },
  ]);
  return [
    constant(FILE, 0),
    ...bits,
    // All bits up to the lowest final one, as in x ^ (x - 1); without one, all.
    { kind: "constant64", target: 1, value: final },
    { kind: "alu", op: "and", target: 1, by: { register: FILE } },
    move(2, 1),
    { kind: "alu", op: "sub", target: 2, by: { constant: 1 } },
    { kind: "alu", op: "xor", target: 1, by: { register: 2 } },
    { kind: "alu", op: "and", target: FILE, by: { register: 1 } },
    store(AT.rules, FILE),
  ];
}

/** Leaves 1 in r0 where the condition holds, else 0. Intermediate results are in stack slots from `slot` on. */
function evaluate(condition: ClassifierCondition, slot: number): Instruction[] {
  if ("atom" in condition) {
    const word = AT.atoms + 8 * Math.floor(condition.atom / 64);
    return [
      { kind: "load", bits: 64, target: 0, base: 10, offset: word },
      { kind: "alu", op: "rsh", target: 0, by: { constant: condition.atom % 64 } },
      { kind: "alu", op: "and", target: 0, by: { constant: 1 } },
    ];
  }
  if ("not" in condition) {
    return [...evaluate(condition.not, slot), { kind: "alu", op: "xor", target: 0, by: { constant: 1 } }];
  }
  if (slot >= MOST_SLOTS) throw new RangeError(`conditions nest deeper than ${MOST_SLOTS}`);
  const isAll = "all" in condition;
  const place = AT.slots + 8 * slot;
  const parts = (isAll ? condition.all : condition.any).flatMap((part): Instruction[] => [
    ...evaluate(part, slot + 1),
    { kind: "load", bits: 64, target: 1, base: 10, offset: place },
    { kind: "alu", op: isAll ? "and" : "or", target: 1, by: { register: 0 } },
    store(place, 1),
  ]);
  return [
    storeConstant(place, isAll ? 1 : 0),
    ...parts,
    { kind: "load", bits: 64, target: 0, base: 10, offset: place },
  ];
}
