import { ACCEPTED } from "../../../../model/program/pattern/automaton.ts";
import { MOST_TEXT_BYTES } from "../../../../model/program/pattern/pattern.ts";
import type { Instruction, Register } from "../../../../native/linux/bpf/instruction.ts";
import { PATH_ROW, pathRows } from "../pattern-table.ts";
import {
  AT,
  address,
  call,
  constant,
  HELPER,
  jump,
  jumpIf,
  jumpIfRegister,
  label,
  move,
  readNumber,
  readPointer,
  storeConstant,
} from "./emit.ts";
import { readMountRoot, requireHostMount, toMountPoint } from "./mounts.ts";
import type { ClassifierQuestion } from "./question.ts";

/**
 * Patterns: automata that read a text byte by byte, one look-up each. A path is read from its end, as the kernel's entries
 * lead from a file to the root; a command line from its begin, from the memory of the process.
 */

/** Where a look at a text is, in bytes from AT.text. */
export const TEXT = {
  entry: 0,
  mount: 8,
  bytes: 16,
  left: 24,
  state: 32,
  done: 40,
  slash: 48,
  failed: 56,
  all: 64,
} as const;
/** For all patterns on a path: where it begins, and the atoms that count. */
export const PATH = { entry: 64, mount: 72, low: 80, high: 88 } as const;
/** The atoms, from AT.text. */
const ATOMS = AT.atoms - AT.text;
/** A path has at most 4,096 bytes (PATH_MAX), and each of its names two steps more; MOST_TEXT_BYTES of a command line. */
export const MOST_STEPS = { path: 8192, command: MOST_TEXT_BYTES } as const;
/** 256 columns of two bytes. */
const STATE_BYTES = 512;
const SLASH = 0x2f;
const SPACE = 0x20;
const SELF: Register = 6;
const ENTRY: Register = 7;
const MOUNT: Register = 8;
const LEFT: Register = 9;

/** The functions that the loops over a text call for each step; they follow the program's end. */
export function patternFunctions(question: ClassifierQuestion): Instruction[] {
  const { paths, commands } = question.patterns;
  return [
    ...(paths === 0 ? [] : [...pathPattern(question), ...pathStep(question)]),
    ...(commands.length === 0 ? [] : commandStep(question)),
  ];
}

/** One pattern: looks at the path if its atom counts, and adds the atom if the path matches. */
function pathPattern({ maps, patterns }: ClassifierQuestion): Instruction[] {
  const row: Register = 7;
  const counts = (at: number, own: number): Instruction[] => [
    { kind: "load", bits: 64, target: 2, base: row, offset: own },
    get(3, at),
    { kind: "alu", op: "and", target: 2, by: { register: 3 } },
    { kind: "alu", op: "or", target: 1, by: { register: 2 } },
  ];
  const add = (word: number, own: number): Instruction[] => [
    { kind: "load", bits: 64, target: 1, base: row, offset: own },
    get(2, ATOMS + 8 * word),
    { kind: "alu", op: "or", target: 1, by: { register: 2 } },
    put(ATOMS + 8 * word, 1),
  ];
  return [
    { kind: "label", name: "path-pattern", isFunction: true },
    move(SELF, 2),
    { kind: "alu", op: "and", target: 1, by: { constant: pathRows(patterns.paths) - 1 } },
    { kind: "alu", op: "lsh", target: 1, by: { constant: Math.log2(PATH_ROW.bytes) } },
    { kind: "map-value", target: row, descriptor: maps.patterns },
    { kind: "alu", op: "add", target: row, by: { constant: patterns.states * STATE_BYTES } },
    { kind: "alu", op: "add", target: row, by: { register: 1 } },
    constant(1, 0),
    ...counts(PATH.low, PATH_ROW.low),
    ...counts(PATH.high, PATH_ROW.high),
    jumpIf(1, "==", 0, "pattern-end"),
    get(1, PATH.entry),
    put(TEXT.entry, 1),
    get(1, PATH.mount),
    put(TEXT.mount, 1),
    { kind: "load", bits: 64, target: 1, base: row, offset: PATH_ROW.state },
    put(TEXT.state, 1),
    constant(1, 0),
    put(TEXT.left, 1),
    put(TEXT.slash, 1),
    put(TEXT.done, 1),
    move(3, SELF),
    ...loop(MOST_STEPS.path, "path-step"),
    get(1, TEXT.done),
    jumpIf(1, "==", 0, "pattern-end"),
    get(1, TEXT.state),
    { kind: "alu", op: "and", target: 1, by: { constant: ACCEPTED } },
    jumpIf(1, "==", 0, "pattern-end"),
    ...add(0, PATH_ROW.low),
    ...add(1, PATH_ROW.high),
    label("pattern-end"),
    ...leave(0),
  ];
}

/**
 * A byte of a name, the slash before a name, the next entry, or the step from a mount to where it is mounted. The text is done
 * at the root of all mounts, if the host's own.
 */
function pathStep(question: ClassifierQuestion): Instruction[] {
  const place = { entry: ENTRY, mount: MOUNT };
  return [
    { kind: "label", name: "path-step", isFunction: true },
    move(SELF, 2),
    get(ENTRY, TEXT.entry),
    get(MOUNT, TEXT.mount),
    get(LEFT, TEXT.left),
    jumpIf(LEFT, "!=", 0, "path-byte"),
    get(1, TEXT.slash),
    jumpIf(1, "!=", 0, "path-slash"),
    ...readMountRoot(MOUNT, question, "path-stop"),
    jumpIfRegister(0, "!=", ENTRY, "path-name"),
    ...toMountPoint(place, question, "path-top"),
    put(TEXT.entry, ENTRY),
    put(TEXT.mount, MOUNT),
    jump("path-on"),
    label("path-name"),
    ...readPointer(ENTRY, "dentry.d_name.name", question, "path-stop"),
    put(TEXT.bytes, 0),
    ...readNumber(ENTRY, "dentry.d_name.len", question, 4),
    jumpIf(0, "==", 0, "path-stop"),
    put(TEXT.left, 0),
    jump("path-on"),
    label("path-byte"),
    { kind: "alu", op: "sub", target: LEFT, by: { constant: 1 } },
    put(TEXT.left, LEFT),
    get(3, TEXT.bytes),
    { kind: "alu", op: "add", target: 3, by: { register: LEFT } },
    ...readByte(HELPER.readKernel, "path-stop"),
    ...step(question),
    jumpIf(LEFT, "!=", 0, "path-on"),
    constant(1, 1),
    put(TEXT.slash, 1),
    jump("path-on"),
    label("path-slash"),
    constant(1, 0),
    put(TEXT.slash, 1),
    constant(1, SLASH),
    ...step(question),
    ...readPointer(ENTRY, "dentry.d_parent", question, "path-stop"),
    jumpIfRegister(0, "==", ENTRY, "path-stop"),
    put(TEXT.entry, 0),
    label("path-on"),
    ...leave(0),
    label("path-top"),
    ...requireHostMount(MOUNT, question, "path-stop"),
    constant(1, 1),
    put(TEXT.done, 1),
    label("path-stop"),
    ...leave(1),
  ];
}

/** The next byte of a command line; arguments are apart by a space, as in `commandText`. */
function commandStep(question: ClassifierQuestion): Instruction[] {
  return [
    { kind: "label", name: "command-step", isFunction: true },
    move(SELF, 2),
    get(LEFT, TEXT.left),
    jumpIf(LEFT, "==", 0, "command-end"),
    { kind: "alu", op: "sub", target: LEFT, by: { constant: 1 } },
    put(TEXT.left, LEFT),
    get(ENTRY, TEXT.bytes),
    move(3, ENTRY),
    ...readByte(HELPER.readUser, "command-failed"),
    { kind: "alu", op: "add", target: ENTRY, by: { constant: 1 } },
    put(TEXT.bytes, ENTRY),
    jumpIf(1, "!=", 0, "command-byte"),
    constant(1, SPACE),
    label("command-byte"),
    ...step(question),
    ...leave(0),
    label("command-failed"),
    constant(1, 1),
    put(TEXT.failed, 1),
    label("command-end"),
    ...leave(1),
  ];
}

/** The byte at the address in r3, in r1. */
function readByte(helper: number, otherwise: string): Instruction[] {
  return [
    storeConstant(AT.pointer, 0),
    ...address(1, AT.pointer),
    constant(2, 1),
    call(helper),
    jumpIf(0, "!=", 0, otherwise),
    { kind: "load", bits: 8, target: 1, base: 10, offset: AT.pointer },
  ];
}

/** The next state by the byte in r1: a 16-bit number at (state * 256 + byte) * 2. */
function step({ maps, patterns }: ClassifierQuestion): Instruction[] {
  return [
    get(2, TEXT.state),
    { kind: "alu", op: "and", target: 2, by: { constant: patterns.states - 1 } },
    { kind: "alu", op: "lsh", target: 2, by: { constant: 8 } },
    { kind: "alu", op: "or", target: 2, by: { register: 1 } },
    { kind: "alu", op: "lsh", target: 2, by: { constant: 1 } },
    { kind: "map-value", target: 1, descriptor: maps.patterns },
    { kind: "alu", op: "add", target: 1, by: { register: 2 } },
    { kind: "load", bits: 16, target: 1, base: 1, offset: 0 },
    put(TEXT.state, 1),
  ];
}

function get(target: Register, offset: number): Instruction {
  return { kind: "load", bits: 64, target, base: SELF, offset };
}

function put(offset: number, register: Register): Instruction {
  return { kind: "store", bits: 64, base: SELF, offset, value: { register } };
}

/** Ends a step: 0 for the next one, 1 to end the loop. */
function leave(result: 0 | 1): Instruction[] {
  return [constant(0, result), { kind: "exit" }];
}
/** Calls a function again and again, with the address in r3, until it returns 1. */
export function loop(most: number, to: string): Instruction[] {
  return [constant(1, most), { kind: "function", target: 2, name: to }, constant(4, 0), call(HELPER.loop)];
}
