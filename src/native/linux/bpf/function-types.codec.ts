/**
 * Types of a program's functions (BTF; Documentation/bpf/btf.rst). The kernel asks for them where a helper calls one of the
 * functions. Only their shape counts: the program has one argument, a function two.
 */

const MAGIC = 0xeb9f;
const VERSION = 1;
const HEADER_BYTES = 24;
const KIND = { int: 1, pointer: 2, function: 12, prototype: 13 } as const;
const SIGNED = 1 << 24;
/** Names in the order of their use; the first is the empty one. */
const NAMES = ["", "int", "index", "context", "program", "function"] as const;
/** Numbers of the types, by their order. */
const TYPE = { int: 1, pointer: 2, ofProgram: 3, ofFunction: 4, program: 5, function: 6 } as const;

/** The types as the kernel reads them. */
export function encodeFunctionTypes(): Uint8Array {
  const types = Uint32Array.from([
    ...[at("int"), info(KIND.int), 4, SIGNED | 32],
    ...[0, info(KIND.pointer), 0],
    ...[0, info(KIND.prototype, 1), TYPE.int, at("context"), TYPE.pointer],
    ...[0, info(KIND.prototype, 2), TYPE.int, at("index"), TYPE.int, at("context"), TYPE.pointer],
    ...[at("program"), info(KIND.function), TYPE.ofProgram],
    ...[at("function"), info(KIND.function), TYPE.ofFunction],
  ]);
  const names = new TextEncoder().encode(NAMES.map((name) => `${name}\0`).join(""));
  const bytes = new Uint8Array(HEADER_BYTES + types.byteLength + names.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, VERSION);
  for (const [index, word] of [HEADER_BYTES, 0, types.byteLength, types.byteLength, names.length].entries())
    view.setUint32(4 + 4 * index, word, true);
  for (const [index, word] of types.entries()) view.setUint32(HEADER_BYTES + 4 * index, word, true);
  bytes.set(names, HEADER_BYTES + types.byteLength);
  return bytes;
}

/** struct bpf_func_info for each function: where it begins, and its type. */
export function encodeFunctionInfo(offsets: readonly number[]): Uint8Array {
  const words = offsets.flatMap((offset, index) => [offset, index === 0 ? TYPE.program : TYPE.function]);
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** Bytes of one struct bpf_func_info. */
export const FUNCTION_INFO_BYTES = 8;

function info(kind: number, count = 0): number {
  return (kind << 24) | count;
}

function at(name: (typeof NAMES)[number]): number {
  return NAMES.slice(0, NAMES.indexOf(name)).reduce((bytes, before) => bytes + before.length + 1, 0);
}
