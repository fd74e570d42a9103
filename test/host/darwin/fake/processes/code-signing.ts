import { constant } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type Failure, fail, type Kernel } from "../descriptor.ts";

/** A process's code signature as the kernel holds it. */
export interface FakeSignature {
  /** Names of osfmk/kern/cs_blobs.h: CS_VALID, CS_SIGNED, CS_ADHOC … */
  readonly flags: readonly string[];
  /** CS_VALIDATION_CATEGORY_…; absent on a macOS before 13, which knows no such question. */
  readonly category?: number;
  readonly team?: string;
}

const OPERATIONS = ["CS_OPS_STATUS", "CS_OPS_TEAMID", "CS_OPS_VALIDATION_CATEGORY"] as const;

/** csops of bsd/kern/kern_proc.c as far as it is asked: none of these questions needs root. */
export function csops(kernel: Kernel, pid: number, operation: number, buffer: Uint8Array): number | Failure {
  const name = OPERATIONS.find((one) => constant(one) === operation);
  if (name === undefined) throw new UnfaithfulCall("csops", `operation ${operation}`);
  kernel.log.take(`csops ${name}`);
  kernel.machine.processes.onLook(pid, name);
  const process = kernel.machine.processes.all.get(pid);
  if (process === undefined) return fail("ESRCH");
  const { flags, category, team } = process.signature ?? { flags: [] };
  if (name === "CS_OPS_STATUS") return written(name, buffer, bits(flags));
  if (name === "CS_OPS_VALIDATION_CATEGORY")
    return category === undefined ? fail("EINVAL") : written(name, buffer, category);
  if (!flags.some((flag) => flag === "CS_VALID" || flag === "CS_DEBUGGED")) return fail("EINVAL");
  return team === undefined ? fail("ENOENT") : blob(team, buffer);
}

/** copyout of 4 bytes, least byte first; the kernel looks at no length for these two. */
function written(name: string, buffer: Uint8Array, word: number): number {
  if (buffer.length !== 4) throw new UnfaithfulCall("csops", `${buffer.length} bytes for ${name}`);
  new DataView(buffer.buffer, buffer.byteOffset).setUint32(0, word, true);
  return 0;
}

/** "Make identity have a blob header": 4 bytes of nothing, the length of all in network order, the text with its NUL. */
function blob(text: string, buffer: Uint8Array): number | Failure {
  const length = 8 + text.length + 1;
  if (buffer.length < 8) return fail("ERANGE");
  new DataView(buffer.buffer, buffer.byteOffset).setUint32(4, length);
  if (buffer.length < length) return fail("ERANGE");
  buffer.set(new TextEncoder().encode(`${text}\0`), 8);
  return 0;
}

function bits(names: readonly string[]): number {
  return names.reduce((sum, name) => (sum | constant(name)) >>> 0, 0);
}
