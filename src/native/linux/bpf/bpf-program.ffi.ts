import { closeSync } from "node:fs";
import { errnoError } from "../errno.ts";
import { addressOf, lastErrno } from "../libc.ffi.ts";
import { BPF, bpf, tryBpf } from "./bpf.ffi.ts";
import { encodeFunctionInfo, encodeFunctionTypes, FUNCTION_INFO_BYTES } from "./function-types.codec.ts";
import { assemble, functionOffsets, type Instruction } from "./instruction.ts";
import { nameField } from "./object-name.ts";

/** Types of programs at a control group (enum bpf_prog_type). */
export const PROGRAM_TYPE = { socket: 9, socketAddress: 18 } as const;

/** Where a program is attached to a control group (enum bpf_attach_type). */
export const CGROUP_ATTACH = { create: 2, connect4: 10, connect6: 11, sendmsg4: 14, sendmsg6: 15 } as const;

const LOAD = {
  type: 0,
  count: 4,
  instructions: 8,
  license: 16,
  logLevel: 24,
  logBytes: 28,
  log: 32,
  name: 48,
  attachType: 68,
  types: 72,
  functionBytes: 76,
  functions: 80,
  functionCount: 88,
  bytes: 96,
} as const;
const TYPES = { data: 0, length: 16, bytes: 32 } as const;
const INSTRUCTION_BYTES = 8;
/** Enough for the verifier's last words; the kernel fills it from the start and reports ENOSPC when it is full. */
const LOG_BYTES = 1 << 20;
const LAST_LINES = 6;
/** Helpers that read the kernel's memory are for programs under the GPL. */
const LICENSE = new TextEncoder().encode("GPL\0");

/**
 * Loads a program, and returns its descriptor, which the caller closes.
 *
 * @throws AwgError with the verifier's last lines when the kernel refuses it.
 */
export function loadProgram(
  name: string,
  type: number,
  attachType: number,
  instructions: readonly Instruction[],
): number {
  const code = assemble(instructions);
  const attributes = new Uint8Array(LOAD.bytes);
  const view = new DataView(attributes.buffer);
  view.setUint32(LOAD.type, type, true);
  view.setUint32(LOAD.count, code.length / INSTRUCTION_BYTES, true);
  view.setBigUint64(LOAD.instructions, addressOf(code), true);
  view.setBigUint64(LOAD.license, addressOf(LICENSE), true);
  attributes.set(nameField(name), LOAD.name);
  view.setUint32(LOAD.attachType, attachType, true);
  const offsets = functionOffsets(instructions);
  if (offsets.length === 1) return loadWith(name, attributes);
  const types = loadFunctionTypes();
  try {
    const functions = encodeFunctionInfo(offsets);
    view.setUint32(LOAD.types, types, true);
    view.setUint32(LOAD.functionBytes, FUNCTION_INFO_BYTES, true);
    view.setBigUint64(LOAD.functions, addressOf(functions), true);
    view.setUint32(LOAD.functionCount, offsets.length, true);
    return loadWith(name, attributes);
  } finally {
    closeSync(types);
  }
}

function loadFunctionTypes(): number {
  const types = encodeFunctionTypes();
  const attributes = new Uint8Array(TYPES.bytes);
  const view = new DataView(attributes.buffer);
  view.setBigUint64(TYPES.data, addressOf(types), true);
  view.setUint32(TYPES.length, types.length, true);
  return bpf(BPF.btfLoad, attributes, "loading the types of a BPF program");
}

function loadWith(name: string, attributes: Uint8Array): number {
  const descriptor = tryBpf(BPF.progLoad, attributes);
  if (descriptor !== -1) return descriptor;
  const errno = lastErrno();
  const log = new Uint8Array(LOG_BYTES);
  const view = new DataView(attributes.buffer);
  view.setUint32(LOAD.logLevel, 1, true);
  view.setUint32(LOAD.logBytes, log.length, true);
  view.setBigUint64(LOAD.log, addressOf(log), true);
  const again = tryBpf(BPF.progLoad, attributes);
  if (again !== -1) return again;
  const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
  const last = text.trimEnd().split("\n").slice(-LAST_LINES).join("; ");
  throw errnoError(`loading the BPF program ${name}${last === "" ? "" : ` (${last})`}`, errno);
}
