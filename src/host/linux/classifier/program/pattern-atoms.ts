import { ACCEPTED } from "../../../../model/program/pattern/automaton.ts";
import type { Instruction } from "../../../../native/linux/bpf/instruction.ts";
import {
  AT,
  address,
  FILE,
  jumpIf,
  label,
  move,
  readNumber,
  readPointer,
  store,
  storeConstant,
  TASK,
  WALK,
} from "./emit.ts";
import { readMount } from "./mounts.ts";
import { loop, MOST_STEPS, PATH, TEXT } from "./pattern-functions.ts";
import type { Atoms, ClassifierQuestion, PatternStart } from "./question.ts";

/** Atoms that the path of the program file in FILE fulfils. */
export function pathAtoms(question: ClassifierQuestion, counted: Atoms, name: string): Instruction[] {
  const { paths } = question.patterns;
  if (paths === 0) return [];
  const end = `${name}-paths-end`;
  return [
    ...readPointer(FILE, "file.f_path.dentry", question, end),
    store(AT.text + PATH.entry, 0),
    ...readMount(FILE, question, end),
    store(AT.text + PATH.mount, 0),
    { kind: "constant64", target: 1, value: counted[0] },
    store(AT.text + PATH.low, 1),
    { kind: "constant64", target: 1, value: counted[1] },
    store(AT.text + PATH.high, 1),
    ...Object.values(TEXT).flatMap((at) => (at === TEXT.all ? [] : [storeConstant(AT.text + at, 0)])),
    ...address(3, AT.text),
    ...loop(paths, "path-pattern"),
    label(end),
  ];
}

/** Atoms that the command line of TASK fulfils; goes on at `unknown` where it cannot be read now. */
export function commandAtoms(question: ClassifierQuestion, unknown: string): Instruction[] {
  const { commands } = question.patterns;
  if (commands.length === 0) return [];
  return [
    ...readPointer(TASK, "task_struct.mm", question, "commands-end"),
    move(WALK, 0),
    ...readNumber(WALK, "mm_struct.arg_start", question),
    move(FILE, 0),
    ...readNumber(WALK, "mm_struct.arg_end", question),
    move(WALK, 0),
    { kind: "alu", op: "sub", target: WALK, by: { register: FILE } },
    // The last byte is the zero behind the last argument.
    jumpIf(WALK, "==", 0, "commands-measured"),
    { kind: "alu", op: "sub", target: WALK, by: { constant: 1 } },
    label("commands-measured"),
    ...commands.flatMap((one) => [
      ...begin(one),
      store(AT.text + TEXT.bytes, FILE),
      store(AT.text + TEXT.left, WALK),
      ...address(3, AT.text),
      ...loop(MOST_STEPS.command, "command-step"),
      ...addIfAccepted(one, `command${one.atom}`, unknown),
    ]),
    label("commands-end"),
  ];
}

function begin({ state }: PatternStart): Instruction[] {
  const zeros = Array.from({ length: TEXT.all / 8 }, (_, index) => storeConstant(AT.text + 8 * index, 0));
  return [...zeros, storeConstant(AT.text + TEXT.state, state)];
}

function addIfAccepted({ atom }: PatternStart, name: string, unread: string): Instruction[] {
  const word = AT.atoms + 8 * Math.floor(atom / 64);
  return [
    { kind: "load", bits: 64, target: 1, base: 10, offset: AT.text + TEXT.failed },
    jumpIf(1, "!=", 0, unread),
    { kind: "load", bits: 64, target: 1, base: 10, offset: AT.text + TEXT.state },
    { kind: "alu", op: "and", target: 1, by: { constant: ACCEPTED } },
    jumpIf(1, "==", 0, `${name}-end`),
    { kind: "load", bits: 64, target: 1, base: 10, offset: word },
    { kind: "constant64", target: 2, value: 1n << BigInt(atom % 64) },
    { kind: "alu", op: "or", target: 1, by: { register: 2 } },
    store(word, 1),
    label(`${name}-end`),
  ];
}
