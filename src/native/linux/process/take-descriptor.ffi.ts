import { checkedLibc, closeDescriptor } from "../libc.ffi.ts";

/** The same numbers on every architecture (they are newer than the unified table, Linux 5.1). */
const SYSCALL = { pidfdOpen: 434, pidfdGetfd: 438 } as const;

/**
 * A copy of another process's descriptor, for this process (pidfd_getfd(2), kernel 5.6): how a new keeper gets back the
 * TUN device that an engine of its dead predecessor still holds. It is closed on exec. Needs the right to trace that
 * process.
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
