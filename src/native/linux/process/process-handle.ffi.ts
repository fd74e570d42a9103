import { errnoError, errnoName } from "../errno.ts";
import { callLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";

/** The same on every architecture since the unified numbers of Linux 5.3. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const POLLIN = 1;

/** A process held by a descriptor, so that pid reuse cannot confuse it. */
export interface ProcessHandle extends Disposable {
  readonly pid: number;
  readonly fd: number;
  /** Whether it still runs; a zombie does not. */
  isRunning(): boolean;
  /** Sends the signal; false when it ended already. */
  signal(number: number): boolean;
}

/**
 * Opens a process; undefined when there is none with that pid.
 *
 * @throws AwgError("unsupported" | "host") on a kernel before 5.3.
 */
export function openProcess(pid: number): ProcessHandle | undefined {
  const fd = callLibc("syscall", SYS_PIDFD_OPEN, pid, 0, 0, 0);
  if (fd === -1) {
    const errno = lastErrno();
    if (errnoName(errno) === "ESRCH") return undefined;
    throw errnoError(`opening process ${pid}`, errno);
  }
  let open = true;
  return {
    pid,
    fd,
    isRunning: () => !isReadable(fd),
    signal: (number) => {
      if (callLibc("syscall", SYS_PIDFD_SEND_SIGNAL, fd, number, 0, 0) !== -1) return true;
      const errno = lastErrno();
      if (errnoName(errno) === "ESRCH") return false;
      throw errnoError(`sending signal ${number} to process ${pid}`, errno);
    },
    [Symbol.dispose]: () => {
      if (open) closeDescriptor(fd);
      open = false;
    },
  };
}

/** The descriptor of a process becomes readable when it ends. */
function isReadable(fd: number): boolean {
  const waiting = new Uint8Array(8);
  const view = new DataView(waiting.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  return callLibc("poll", waiting, 1, 0) > 0;
}
