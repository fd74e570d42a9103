import type { PROGRAM_TYPE } from "../../../../native/linux/bpf/bpf-program.ffi.ts";
import type { Instruction } from "../../../../native/linux/bpf/instruction.ts";
import {
  AT,
  address,
  CONTEXT,
  call,
  constant,
  HELPER,
  jump,
  jumpIf,
  jumpIfRegister,
  label,
  lookUp,
  move,
  readNumber,
  readPointer,
  store,
  storeConstant,
  TASK,
  WALK,
} from "./emit.ts";
import { commandAtoms } from "./pattern-atoms.ts";
import { patternFunctions } from "./pattern-functions.ts";
import { programAtoms } from "./process-atoms.ts";
import type { ClassifierQuestion } from "./question.ts";
import { ruleBits } from "./rule-bits.ts";
import { cgroupAtoms, userAtoms } from "./user-atoms.ts";

/**
 * The BPF program that classifies a socket by the program, user and control group that uses it.
 *
 * Every condition on a program is an atom, a bit of two 64-bit words. The maps say which atoms a file, a folder, a name, a
 * user or a control group fulfils. The rules' conditions over the atoms give one bit a rule, and the map of classes turns
 * these bits into the class that the socket's mark carries.
 */

const SOL_SOCKET = 1;
const SO_MARK = 36;
/** struct bpf_sock and struct bpf_sock_addr (linux/bpf.h). */
const SOCKET_MARK_AT = 16;
const ADDRESS_SOCKET_AT = 64;

/** The instructions for one kind of hook: `socket` as it is created, `socketAddress` as it connects or sends. */
export function classifierProgram(kind: keyof typeof PROGRAM_TYPE, question: ClassifierQuestion): Instruction[] {
  const { maps } = question;
  return [
    move(CONTEXT, 1),
    { kind: "map", target: 2, descriptor: maps.spec },
    call(HELPER.namespaceCookie),
    store(AT.pointer, 0),
    ...lookUp(maps.namespaces, AT.pointer),
    jumpIf(0, "==", 0, "done"),
    ...seenKey(question),
    ...lookUp(maps.seen, AT.seenKey),
    constant(WALK, 0),
    jumpIf(0, "==", 0, "unseen"),
    { kind: "load", bits: 32, target: WALK, base: 0, offset: 0 },
    jump("mark"),
    label("unseen"),
    storeConstant(AT.atoms, 0),
    storeConstant(AT.atoms + 8, 0),
    ...commandAtoms(question, "unknown"),
    ...programAtoms(question),
    ...(question.usesUsers ? userAtoms(question) : []),
    ...(question.usesCgroups ? cgroupAtoms(question) : []),
    ...ruleBits(question),
    ...lookUp(maps.classes, AT.rules),
    constant(WALK, 0),
    jumpIf(0, "==", 0, "mark"),
    { kind: "load", bits: 32, target: WALK, base: 0, offset: 0 },
    { kind: "store", bits: 32, base: 10, offset: AT.number, value: { register: WALK } },
    { kind: "map", target: 1, descriptor: maps.seen },
    ...address(2, AT.seenKey),
    ...address(3, AT.number),
    constant(4, 0),
    call(HELPER.mapUpdate),
    label("mark"),
    ...setMark(kind, question),
    label("done"),
    constant(0, 1),
    { kind: "exit" },
    ...(question.patterns.commands.length === 0 ? [] : unknownClass()),
    ...patternFunctions(question),
  ];
}

/** No class, and nothing is remembered: the process is looked at again when it connects, sends or creates another socket. */
function unknownClass(): Instruction[] {
  return [label("unknown"), constant(WALK, 0), jump("mark")];
}

/**
 * Who uses the socket: a process has the same class as long as it runs the same program as the same user in the same
 * control group. Address space, open program file, start and count of execs together name one run of a program: the kernel
 * uses addresses again.
 */
function seenKey(question: ClassifierQuestion): Instruction[] {
  const mm = AT.seenKey;
  return [
    storeConstant(mm, 0),
    storeConstant(mm + 8, 0),
    storeConstant(mm + 24, 0),
    storeConstant(mm + 32, 0),
    storeConstant(mm + 40, 0),
    call(HELPER.currentTask),
    move(TASK, 0),
    ...readNumber(TASK, "task_struct.start_boottime", question),
    store(mm + 16, 0),
    ...readNumber(TASK, "task_struct.self_exec_id", question),
    store(mm + 40, 0),
    ...(question.usesUsers ? [call(HELPER.uidAndGid), store(mm + 24, 0)] : []),
    ...(question.usesCgroups ? [call(HELPER.cgroupId), store(mm + 32, 0)] : []),
    ...readPointer(TASK, "task_struct.mm", question, "keyed"),
    store(mm, 0),
    ...readNumber(0, "mm_struct.exe_file", question),
    store(mm + 8, 0),
    label("keyed"),
  ];
}

/** Writes the class in WALK into the socket's mark. Other bits of the mark stay. */
function setMark(kind: keyof typeof PROGRAM_TYPE, { mark }: ClassifierQuestion): Instruction[] {
  const merge: Instruction[] = [
    { kind: "alu", op: "lsh", target: WALK, by: { constant: mark.shift } },
    { kind: "constant64", target: 2, value: BigInt(~mark.mask >>> 0) },
    { kind: "alu", op: "and", target: 2, by: { register: 1 } },
    { kind: "alu", op: "or", target: 2, by: { register: WALK } },
  ];
  if (kind === "socket") {
    return [
      { kind: "load", bits: 32, target: 1, base: CONTEXT, offset: SOCKET_MARK_AT },
      ...merge,
      { kind: "store", bits: 32, base: CONTEXT, offset: SOCKET_MARK_AT, value: { register: 2 } },
    ];
  }
  return [
    { kind: "load", bits: 64, target: 1, base: CONTEXT, offset: ADDRESS_SOCKET_AT },
    jumpIf(1, "==", 0, "done"),
    { kind: "load", bits: 32, target: 1, base: 1, offset: SOCKET_MARK_AT },
    ...merge,
    jumpIfRegister(2, "==", 1, "done"),
    { kind: "store", bits: 32, base: 10, offset: AT.number, value: { register: 2 } },
    move(1, CONTEXT),
    constant(2, SOL_SOCKET),
    constant(3, SO_MARK),
    ...address(4, AT.number),
    constant(5, 4),
    call(HELPER.setSocketOption),
  ];
}
