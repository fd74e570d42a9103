import { darwinError } from "./errno.ts";
import type { LibSystem } from "./libsystem.ts";

/** bsd/sys/resource.h */
const RLIMIT_CORE = 4;
/** struct rlimit: the soft limit, the hard one, 8 bytes each. */
const RLIMIT_BYTES = 16;
/** bsd/sys/ptrace.h: applies to the calling process. */
const PT_DENY_ATTACH = 31;

/**
 * Forbids core dumps of this process and its children, and attaching a debugger to it, to protect keys. A process that
 * is already being debugged exits here (ptrace(2)).
 *
 * @throws AwgError("host") where the kernel refuses
 */
export function forbidDumps(system: Pick<LibSystem, "setrlimit" | "ptrace">): void {
  const limited = system.setrlimit(RLIMIT_CORE, new Uint8Array(RLIMIT_BYTES));
  if (limited.value === -1) throw darwinError("setting the limit of core dumps", limited.errno);
  const denied = system.ptrace(PT_DENY_ATTACH, 0);
  if (denied.value === -1) throw darwinError("denying debuggers access to this process", denied.errno);
}
