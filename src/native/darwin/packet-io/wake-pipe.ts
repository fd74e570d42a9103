import type { Wake } from "../../packet-system.ts";
import { checkedCall } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import type { LibSystem } from "../libsystem.ts";
import { setNonblocking } from "./udp-socket.ts";

const DRAINED_BYTES = 512;

/**
 * A pipe, since macOS has no eventfd. Both ends are non-blocking: a full pipe is readable anyway.
 *
 * @throws AwgError when the process has no descriptor left
 */
export function openWakePipe(system: LibSystem): Wake {
  const action = "opening a pipe to wake the data plane";
  const ends = new Int32Array(2);
  checkedCall(action, system.pipe(new Uint8Array(ends.buffer)));
  const [readEnd = -1, writeEnd = -1] = ends;
  const close = () => {
    for (const fd of [readEnd, writeEnd]) system.close(fd);
  };
  try {
    for (const fd of [readEnd, writeEnd]) {
      checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
      setNonblocking(system, fd, action);
    }
  } catch (error) {
    close();
    throw error;
  }
  let open = true;
  return {
    fd: readEnd,
    wake: () => {
      if (open) system.write(writeEnd, Uint8Array.of(1));
    },
    [Symbol.dispose]: () => {
      if (open) close();
      open = false;
    },
  };
}

/** Empties the pipe; what does not fit the buffer is read the next time. */
export function drainWakePipe(system: LibSystem, fd: number): void {
  system.read(fd, new Uint8Array(DRAINED_BYTES));
}
