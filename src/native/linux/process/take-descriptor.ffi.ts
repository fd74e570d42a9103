import { checkedLibc, closeDescriptor } from "../libc.ffi.ts";

/** The same numbers on every architecture (they are newer than the unified table, Linux 5.1). */
const SYSCALL = { pidfdOpen: 434, pidfdGetfd: 438 } as const;

/**
 * Copies another process's descriptor into this process (pidfd_getfd(2), kernel 5.6). With it a new keeper gets back
 * the TUN device of a dead keeper's engine. The copy is closed on exec. Requires ptrace permission on that process.
 *
 * @throws AwgError: `facts.errno` is ESRCH when the process is gone, EPERM where tracing is forbidden.
 */
export function takeDescriptor(pid: number, fd: number): number {
  const action = `taking descriptor ${fd} from process ${pid}`;
  const process = checkedLibc(action, "syscall", SYSCALL.pidfdOpen, pid, 0, 0, 0);
  try {
    return checkedLibc(action, "syscall", SYSCALL.pidfdGetfd, process, fd, 0, 0);
  } finally {
    closeDescriptor(process);
  }
}
