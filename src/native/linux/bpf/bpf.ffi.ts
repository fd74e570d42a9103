import { AwgError } from "../../../model/error.ts";
import { errnoError } from "../errno.ts";
import { addressOf, callLibc, lastErrno } from "../libc.ffi.ts";

/** The number of bpf(2) on the architectures awg runs on (asm/unistd_64.h, asm-generic/unistd.h). */
export const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** Commands (enum bpf_cmd). */
export const BPF = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  progLoad: 5,
  objPin: 6,
  objGet: 7,
  progById: 13,
  mapById: 14,
  objInfo: 15,
  progQuery: 16,
  btfLoad: 18,
  linkCreate: 28,
  linkUpdate: 29,
} as const;

/** Whether bpf(2) can be called on this architecture. */
export function isBpfKnown(): boolean {
  return SYS_BPF[process.arch] !== undefined;
}

/**
 * One call of bpf(2), which reads and writes `attributes` (union bpf_attr, little-endian).
 *
 * @returns its result, -1 for an error (`lastErrno`).
 */
export function tryBpf(command: number, attributes: Uint8Array): number {
  const number = SYS_BPF[process.arch];
  if (number === undefined) throw new AwgError("unsupported", `BPF programs are not supported on ${process.arch}`);
  return callLibc("syscall", number, command, addressOf(attributes), attributes.length, 0);
}

/** The same; throws an error with `doing` and the errno's text. */
export function bpf(command: number, attributes: Uint8Array, doing: string): number {
  const result = tryBpf(command, attributes);
  if (result === -1) throw errnoError(doing, lastErrno());
  return result;
}
