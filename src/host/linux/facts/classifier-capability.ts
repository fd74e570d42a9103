import { accessSync, closeSync, constants, readFileSync } from "node:fs";
import { messageOf } from "../../../model/error.ts";
import { isBpfKnown } from "../../../native/linux/bpf/bpf.ffi.ts";
import { CGROUP_ATTACH, loadProgram, PROGRAM_TYPE } from "../../../native/linux/bpf/bpf-program.ffi.ts";
import type { Instruction } from "../../../native/linux/bpf/instruction.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import { ownNamespaceCookie } from "../../../native/linux/process/namespace-cookie.ffi.ts";
import { textOf } from "../../../native/linux/readable-files.ts";
import type { ClassifierCapability } from "../../ports/facts.ts";
import { findMount } from "../classifier/classifier-place.ts";
import { address, call, constant, HELPER, storeConstant } from "../classifier/program/emit.ts";
import { TYPES_OF_KERNEL } from "../classifier/program/kernel-members.ts";

const LOCKDOWN = "/sys/kernel/security/lockdown";
const DENIED = ["EPERM", "EACCES"] as const;

/** What is asked of the host; tests put others in their place. */
export interface ClassifierProbe {
  readonly isBpfKnown: () => boolean;
  readonly hasTypes: () => boolean;
  readonly findMount: typeof findMount;
  readonly fileSystems: () => string;
  readonly namespaceCookie: () => unknown;
  readonly load: () => void;
  /** Loads a program that calls a function in a loop. */
  readonly loadLoop: () => void;
  readonly lockdown: () => string;
  readonly isRoot: () => boolean;
}

const HERE: ClassifierProbe = {
  isBpfKnown,
  hasTypes: () => isReadable(TYPES_OF_KERNEL),
  findMount,
  fileSystems: () => readFileSync("/proc/filesystems", "utf8"),
  namespaceCookie: ownNamespaceCookie,
  load: loadTinyPrograms,
  loadLoop: loadTinyLoop,
  lockdown: () => textOf(LOCKDOWN),
  isRoot: () => process.geteuid?.() === 0,
};

/**
 * Whether this kernel classifies sockets, found by loading programs of a few instructions, which are not attached. Without
 * root's rights, whether it seems so.
 */
export function readClassifierCapability(probe: ClassifierProbe = HERE): ClassifierCapability {
  const missing = whatIsMissing(probe);
  if (missing !== undefined) return { ok: false, reason: missing };
  try {
    probe.namespaceCookie();
    probe.load();
    return { ok: true, ...whyNoPatterns(probe) };
  } catch (error) {
    if (hasErrno(error, ...DENIED) && !probe.isRoot()) return { ok: true };
    if (hasErrno(error, "ENOPROTOOPT")) return { ok: false, reason: "it needs Linux 5.14" };
    // Lockdown hides the helpers that read kernel memory, so the kernel reports an unknown one.
    if (/\[confidentiality\]/.test(probe.lockdown())) {
      return { ok: false, reason: "kernel lockdown (confidentiality) forbids reading kernel memory" };
    }
    return { ok: false, reason: `the kernel refuses the BPF program: ${messageOf(error)}` };
  }
}

/** Patterns need bpf_loop, which is the newest helper of all. */
function whyNoPatterns({ loadLoop }: ClassifierProbe): { readonly noPatterns?: string } {
  try {
    loadLoop();
    return {};
  } catch (error) {
    return { noPatterns: `patterns on programs need Linux 5.17: ${messageOf(error)}` };
  }
}

function whatIsMissing(probe: ClassifierProbe): string | undefined {
  if (!probe.isBpfKnown()) return `BPF programs are not supported on ${process.arch}`;
  if (!probe.hasTypes()) return `the kernel has no type information (BTF, ${TYPES_OF_KERNEL})`;
  if (probe.findMount("cgroup2") === undefined) return "cgroup v2 is not mounted";
  const canMount = /^nodev\tbpf$/m.test(probe.fileSystems());
  return probe.findMount("bpf") === undefined && !canMount ? "the kernel has no bpf file system" : undefined;
}

/** Uses the helpers whose presence differs between kernels. */
function loadTinyPrograms(): void {
  for (const kind of ["socket", "socketAddress"] as const) {
    const hook = kind === "socket" ? CGROUP_ATTACH.create : CGROUP_ATTACH.connect4;
    closeSync(loadProgram("awg_probe", PROGRAM_TYPE[kind], hook, tinyProgram(kind)));
  }
}

/** A loop in a loop, which writes to the stack of the program, as the patterns do. */
function loadTinyLoop(): void {
  const leave: Instruction[] = [constant(0, 0), { kind: "exit" }];
  const loop = (name: string): Instruction[] => [
    constant(1, 8),
    { kind: "function", target: 2, name },
    constant(4, 0),
    call(HELPER.loop),
  ];
  const program: Instruction[] = [
    storeConstant(-8, 0),
    ...address(3, -8),
    ...loop("outer"),
    constant(0, 1),
    { kind: "exit" },
    { kind: "label", name: "outer", isFunction: true },
    { kind: "alu", op: "mov", target: 3, by: { register: 2 } },
    ...loop("inner"),
    ...leave,
    { kind: "label", name: "inner", isFunction: true },
    { kind: "store", bits: 64, base: 2, offset: 0, value: { register: 1 } },
    ...leave,
  ];
  closeSync(loadProgram("awg_probe", PROGRAM_TYPE.socket, CGROUP_ATTACH.create, program));
}

function tinyProgram(kind: keyof typeof PROGRAM_TYPE): Instruction[] {
  const setMark: Instruction[] = [
    { kind: "alu", op: "mov", target: 1, by: { register: 6 } },
    constant(2, 1),
    constant(3, 36),
    ...address(4, -8),
    constant(5, 4),
    call(HELPER.setSocketOption),
  ];
  return [
    { kind: "alu", op: "mov", target: 6, by: { register: 1 } },
    call(HELPER.namespaceCookie),
    storeConstant(-8, 0),
    call(HELPER.currentTask),
    { kind: "alu", op: "mov", target: 3, by: { register: 0 } },
    ...address(1, -8),
    constant(2, 8),
    call(HELPER.readKernel),
    ...(kind === "socket" ? [] : setMark),
    constant(0, 1),
    { kind: "exit" },
  ];
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
