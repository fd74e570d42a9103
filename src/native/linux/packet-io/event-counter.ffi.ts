import { nativeFunction } from "../../native-function.ffi.ts";
import type { Wake } from "../../packet-system.ts";
import { errnoError } from "../errno.ts";
import { callLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";

const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

/** An eventfd(2). @throws AwgError when the process has no descriptor left. */
export function openEventCounter(): Wake {
  const fd = nativeFunction("int eventfd(unsigned int start, int flags)")(0, EFD_NONBLOCK_CLOEXEC);
  if (fd === -1) throw errnoError("creating a descriptor to wake the data plane", lastErrno());
  let open = true;
  return {
    fd,
    wake: () => {
      if (open) wakeCounter(fd);
    },
    [Symbol.dispose]: () => {
      if (open) closeDescriptor(fd);
      open = false;
    },
  };
}

const write = () => nativeFunction("int64_t write(int fd, const void *data, uint64_t length)");
let writeCounter: ReturnType<typeof write> | undefined;

function wakeCounter(fd: number): void {
  writeCounter ??= write();
  writeCounter(fd, new Uint8Array(BigUint64Array.of(1n).buffer), 8);
}

/** Resets the counter, so that the descriptor is no longer readable. */
export function drainEventCounter(fd: number): void {
  callLibc("read", fd, new Uint8Array(8), 8);
}
