import { darwinError } from "./errno.ts";
import type { LibSystem } from "./libsystem.ts";

/** bsd/sys/resource.h */
const RLIMIT_CORE = 4;
/** struct rlimit: the soft limit, the hard one, 8 bytes each. */
const RLIMIT_BYTES = 16;
/** bsd/sys/ptrace.h: the process says this of itself. */
const PT_DENY_ATTACH = 31;

/**
 * No core dump of this process and of what it starts, and no debugger attached to it from now on: keys stay inside. A
 * process that is being debugged already ends here, as ptrace(2) has it.
 *
 * @throws AwgError("host") where the kernel refuses
 */
export function forbidDumps(system: Pick<LibSystem, "setrlimit" | "ptrace">): void {
  const limited = system.setrlimit(RLIMIT_CORE, new Uint8Array(RLIMIT_BYTES));
  if (limited.value === -1) throw darwinError("setting the limit of core dumps", limited.errno);
  const denied = system.ptrace(PT_DENY_ATTACH, 0);
  if (denied.value === -1) throw darwinError("keeping debuggers away from this process", denied.errno);
}
