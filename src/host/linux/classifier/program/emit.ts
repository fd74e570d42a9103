import { MOST_ANCESTORS } from "../../../../model/program/classifier.ts";
import type { Instruction, Register } from "../../../../native/linux/bpf/instruction.ts";
import type { KernelMember } from "./kernel-members.ts";
import type { Atoms, ClassifierQuestion } from "./question.ts";

/** Helpers (linux/bpf.h, ___BPF_FUNC_MAPPER). */
export const HELPER = {
  mapLookup: 1,
  mapUpdate: 2,
  pidAndGroup: 14,
  uidAndGid: 15,
  currentTask: 35,
  setSocketOption: 49,
  cgroupId: 80,
  readUser: 112,
  readKernel: 113,
  readKernelString: 115,
  namespaceCookie: 122,
  ancestorCgroupId: 123,
  loop: 181,
} as const;

/** Ancestors of a process and of a folder, and levels of control groups, that are looked at. */
export const LIMITS = { processes: MOST_ANCESTORS, folders: 24, cgroups: 12 } as const;
export const NAME_BYTES = 64;
export const KEY_BYTES = 16;
export const SEEN_KEY_BYTES = 48;
export const ENTRY_BYTES = KEY_BYTES + NAME_BYTES;
export const ATOMS_BYTES = 16;

/** Places on the stack, from its end. */
export const AT = {
  pointer: -8,
  number: -16,
  key: -32,
  atoms: -48,
  /** The open program file that is looked at. */
  file: -56,
  rules: -96,
  slots: -160,
  seenKey: -208,
  processes: -232,
  folders: -240,
  /** The key of a folder, and the name of a file in it. */
  entry: -328,
  name: -312,
  /** What a pattern's look at a text shares with the loop over its bytes. */
  text: -424,
} as const;
export const MOST_SLOTS = 8;

export const CONTEXT: Register = 6;
export const TASK: Register = 7;
export const FILE: Register = 8;
export const WALK: Register = 9;

/** One member of a structure, or one within another that it holds. */
type Members = KernelMember | readonly KernelMember[];

/** Reads a pointer from kernel memory into r0; goes on at `otherwise` where it is null. */
export function readPointer(
  base: Register,
  member: Members,
  question: ClassifierQuestion,
  otherwise: string,
): Instruction[] {
  return [...readNumber(base, member, question), jumpIf(0, "==", 0, otherwise)];
}

/** Reads a number of kernel memory into r0; 0 where that fails. */
export function readNumber(
  base: Register,
  member: Members,
  question: ClassifierQuestion,
  bytes: 4 | 8 = 8,
): Instruction[] {
  return [
    move(3, base),
    { kind: "alu", op: "add", target: 3, by: { constant: offsetOf(member, question) } },
    storeConstant(AT.pointer, 0),
    ...address(1, AT.pointer),
    constant(2, bytes),
    call(HELPER.readKernel),
    { kind: "load", bits: 64, target: 0, base: 10, offset: AT.pointer },
  ];
}

/** Bytes from the begin of a structure to its member. */
export function offsetOf(member: Members, { offsets }: Pick<ClassifierQuestion, "offsets">): number {
  const members: readonly KernelMember[] = typeof member === "string" ? [member] : member;
  return members.reduce((sum, one) => {
    const offset = offsets.get(one);
    if (offset === undefined) throw new RangeError(`the kernel's types have no ${one}`);
    return sum + offset;
  }, 0);
}

/** Looks a key on the stack up in a map; r0 is the address of the value, 0 without one. */
export function lookUp(map: number, key: number): Instruction[] {
  return [{ kind: "map", target: 1, descriptor: map }, ...address(2, key), call(HELPER.mapLookup)];
}

/** The address of a place on the stack. */
export function address(target: Register, at: number): Instruction[] {
  return [move(target, 10), { kind: "alu", op: "add", target, by: { constant: at } }];
}

/** Puts 64 bits of a register on the stack. */
export function store(at: number, register: Register): Instruction {
  return { kind: "store", bits: 64, base: 10, offset: at, value: { register } };
}

/** Puts a number on the stack. */
export function storeConstant(at: number, value: number): Instruction {
  return { kind: "store", bits: 64, base: 10, offset: at, value: { constant: value } };
}

/** Copies a register. */
export function move(target: Register, from: Register): Instruction {
  return { kind: "alu", op: "mov", target, by: { register: from } };
}

/** Puts a number of 32 bits, signed, into a register. */
export function constant(target: Register, value: number): Instruction {
  return { kind: "alu", op: "mov", target, by: { constant: value } };
}

/** Calls a helper of the kernel. */
export function call(helper: number): Instruction {
  return { kind: "call", helper };
}

/** Counts down on the stack, and goes back to a label until nothing is left. The verifier follows every turn. */
export function repeat(counter: number, to: string): Instruction[] {
  return [
    { kind: "load", bits: 64, target: 1, base: 10, offset: counter },
    { kind: "alu", op: "sub", target: 1, by: { constant: 1 } },
    store(counter, 1),
    jumpIf(1, "!=", 0, to),
  ];
}

/** Goes on at a label. */
export function jump(to: string): Instruction {
  return { kind: "jump", to };
}

/** Goes on at a label if a register compares so with a number. */
export function jumpIf(left: Register, condition: "==" | "!=", right: number, to: string): Instruction {
  return { kind: "jump-if", left, condition, right: { constant: right }, to };
}

/** The same with another register. */
export function jumpIfRegister(left: Register, condition: "==" | "!=", right: Register, to: string): Instruction {
  return { kind: "jump-if", left, condition, right: { register: right }, to };
}

/** A place to jump to. */
export function label(name: string): Instruction {
  return { kind: "label", name };
}

/** Adds the atoms that r0 points to, where it found some and they count. */
export function addAtomsIfFound(counted: Atoms | undefined, name: string): Instruction[] {
  return [jumpIf(0, "==", 0, `${name}-absent`), ...addAtoms(counted), label(`${name}-absent`)];
}

/** Adds the atoms that r0 points to, those in `counted` only if it is given, to the atoms on the stack. Overwrites r1, r2. */
export function addAtoms(counted: Atoms | undefined): Instruction[] {
  return [0, 1].flatMap((word): Instruction[] => [
    { kind: "load", bits: 64, target: 1, base: 0, offset: 8 * word },
    ...(counted === undefined
      ? []
      : ([
          { kind: "constant64", target: 2, value: counted[word] ?? 0n },
          { kind: "alu", op: "and", target: 1, by: { register: 2 } },
        ] as const)),
    { kind: "load", bits: 64, target: 2, base: 10, offset: AT.atoms + 8 * word },
    { kind: "alu", op: "or", target: 1, by: { register: 2 } },
    store(AT.atoms + 8 * word, 1),
  ]);
}
