/**
 * BPF machine code (RFC 9669; linux/bpf.h): an instruction has eight bytes, a 64-bit constant sixteen. Jumps name labels,
 * which `assemble` turns into distances.
 */

/** Registers: r0 results, r1–r5 arguments (lost in a call), r6–r9 kept, r10 the end of the 512-byte stack. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

export type Bits = 8 | 16 | 32 | 64;
export type Alu = "add" | "sub" | "or" | "and" | "lsh" | "rsh" | "neg" | "xor" | "mov";
export type Condition = "==" | "!=" | ">" | ">=" | "<" | "<=" | "&";
type Operand = { readonly register: Register } | { readonly constant: number };

export type Instruction =
  | { readonly kind: "alu"; readonly op: Alu; readonly target: Register; readonly by: Operand }
  | { readonly kind: "constant64"; readonly target: Register; readonly value: bigint }
  /** The address of a map, by its descriptor. */
  | { readonly kind: "map"; readonly target: Register; readonly descriptor: number }
  /** The address of the first value of an array, by its descriptor. */
  | { readonly kind: "map-value"; readonly target: Register; readonly descriptor: number }
  /** The address of a function, by its label, for a helper that calls it. */
  | { readonly kind: "function"; readonly target: Register; readonly name: string }
  | {
      readonly kind: "load";
      readonly bits: Bits;
      readonly target: Register;
      readonly base: Register;
      readonly offset: number;
    }
  | {
      readonly kind: "store";
      readonly bits: Bits;
      readonly base: Register;
      readonly offset: number;
      readonly value: Operand;
    }
  | { readonly kind: "jump"; readonly to: string }
  | {
      readonly kind: "jump-if";
      readonly left: Register;
      readonly condition: Condition;
      readonly right: Operand;
      readonly to: string;
    }
  | { readonly kind: "call"; readonly helper: number }
  | { readonly kind: "exit" }
  /** A place to jump to, or with `isFunction` the begin of a function, which ends with an exit. */
  | { readonly kind: "label"; readonly name: string; readonly isFunction?: true };

const SIZE: Readonly<Record<Bits, number>> = { 32: 0x00, 16: 0x08, 8: 0x10, 64: 0x18 };
const ALU: Readonly<Record<Alu, number>> = {
  add: 0x00,
  sub: 0x10,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  xor: 0xa0,
  mov: 0xb0,
};
const CONDITION: Readonly<Record<Condition, number>> = {
  "==": 0x10,
  ">": 0x20,
  ">=": 0x30,
  "&": 0x40,
  "!=": 0x50,
  "<": 0xa0,
  "<=": 0xb0,
};
const BPF_ALU64 = 0x07;
const BPF_JMP = 0x05;
const BPF_LDX_MEM = 0x61;
const BPF_ST_MEM = 0x62;
const BPF_STX_MEM = 0x63;
const BPF_LD_IMM_DW = 0x18;
const BPF_X = 0x08;
const BPF_CALL = 0x85;
const BPF_EXIT = 0x95;
const BPF_PSEUDO_MAP_FD = 1;
const BPF_PSEUDO_MAP_VALUE = 2;
const BPF_PSEUDO_FUNC = 4;

const BYTES = 8;

/** The parts of eight bytes of machine code: opcode, destination and source register, offset, constant. */
type Slot = readonly [code: number, target: number, source: number, offset: number, constant: number];

/** Bytes of the instructions; throws for a jump to an unknown label. */
export function assemble(instructions: readonly Instruction[]): Uint8Array {
  const labels = new Map<string, number>();
  let count = 0;
  for (const instruction of instructions) {
    if (instruction.kind === "label") labels.set(instruction.name, count);
    count += slotCount(instruction);
  }
  const slots: Slot[] = [];
  const distance = (label: string): number => {
    const to = labels.get(label);
    if (to === undefined) throw new RangeError(`no label ${label}`);
    return to - slots.length - 1;
  };
  for (const instruction of instructions) slots.push(...slotsOf(instruction, distance));
  const view = new DataView(new ArrayBuffer(slots.length * BYTES));
  for (const [index, [code, target, source, offset, constant]] of slots.entries()) {
    view.setUint8(index * BYTES, code);
    view.setUint8(index * BYTES + 1, (source << 4) | target);
    view.setInt16(index * BYTES + 2, offset, true);
    view.setInt32(index * BYTES + 4, constant, true);
  }
  return new Uint8Array(view.buffer);
}

/** Where the functions begin, counted in slots of eight bytes; the program itself is the first. */
export function functionOffsets(instructions: readonly Instruction[]): readonly number[] {
  const offsets = [0];
  let count = 0;
  for (const instruction of instructions) {
    if (instruction.kind === "label" && instruction.isFunction === true) offsets.push(count);
    count += slotCount(instruction);
  }
  return offsets;
}

const TWO_SLOTS: readonly Instruction["kind"][] = ["constant64", "map", "map-value", "function"];

function slotCount({ kind }: Instruction): number {
  if (kind === "label") return 0;
  return TWO_SLOTS.includes(kind) ? 2 : 1;
}

function slotsOf(one: Instruction, distance: (label: string) => number): readonly Slot[] {
  switch (one.kind) {
    case "alu":
      return [[BPF_ALU64 | ALU[one.op] | sourceBit(one.by), one.target, sourceOf(one.by), 0, constantOf(one.by)]];
    case "constant64": {
      const [low, high] = [one.value, one.value >> 32n].map((word) => Number(BigInt.asIntN(32, word)));
      return [
        [BPF_LD_IMM_DW, one.target, 0, 0, low ?? 0],
        [0, 0, 0, 0, high ?? 0],
      ];
    }
    case "map":
      return wide(one.target, BPF_PSEUDO_MAP_FD, one.descriptor);
    case "map-value":
      return wide(one.target, BPF_PSEUDO_MAP_VALUE, one.descriptor);
    case "function":
      return wide(one.target, BPF_PSEUDO_FUNC, distance(one.name));
    case "load":
      return [[BPF_LDX_MEM | SIZE[one.bits], one.target, one.base, one.offset, 0]];
    case "store":
      return "register" in one.value
        ? [[BPF_STX_MEM | SIZE[one.bits], one.base, one.value.register, one.offset, 0]]
        : [[BPF_ST_MEM | SIZE[one.bits], one.base, 0, one.offset, one.value.constant]];
    case "jump":
      return [[BPF_JMP, 0, 0, distance(one.to), 0]];
    case "jump-if": {
      const code = BPF_JMP | CONDITION[one.condition] | sourceBit(one.right);
      return [[code, one.left, sourceOf(one.right), distance(one.to), constantOf(one.right)]];
    }
    case "call":
      return [[BPF_CALL, 0, 0, 0, one.helper]];
    case "exit":
      return [[BPF_EXIT, 0, 0, 0, 0]];
    case "label":
      return [];
  }
}

function wide(target: Register, meaning: number, constant: number): readonly Slot[] {
  return [
    [BPF_LD_IMM_DW, target, meaning, 0, constant],
    [0, 0, 0, 0, 0],
  ];
}

function sourceBit(operand: Operand): number {
  return "register" in operand ? BPF_X : 0;
}

function sourceOf(operand: Operand): number {
  return "register" in operand ? operand.register : 0;
}

function constantOf(operand: Operand): number {
  return "constant" in operand ? operand.constant : 0;
}
