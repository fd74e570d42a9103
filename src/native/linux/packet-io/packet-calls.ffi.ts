import { nativeErrno, nativeFunction } from "../../native-function.ffi.ts";

/** The calls of the packet loop; addresses are numbers, results -1 with `errno()` on failure. */
export interface PacketCalls {
  /** poll(2) over `count` struct pollfd. */
  poll(fds: number, count: number, timeoutMs: number): number;
  read(fd: number, into: number, bytes: number): number;
  write(fd: number, from: number, bytes: number): number;
  /** writev(2) over `count` struct iovec. */
  writev(fd: number, vector: number, count: number): number;
  /** sendmmsg(2) and recvmmsg(2) over `count` struct mmsghdr, never waiting. */
  sendmmsg(fd: number, messages: number, count: number): number;
  recvmmsg(fd: number, messages: number, count: number): number;
  /** Milliseconds since boot, time asleep included (CLOCK_BOOTTIME): sessions age while a laptop sleeps. */
  bootTimeMs(): number;
  errno(): number;
}

const MSG_DONTWAIT = 0x40;
const CLOCK_BOOTTIME = 7;

/** Declares the calls. `scratch` is 16 bytes of memory for the clock: their address, and a view that starts there. */
export function packetCalls(scratch: { readonly address: number; readonly view: DataView }): PacketCalls {
  const poll = nativeFunction("int poll(int64_t fds, uint64_t count, int timeout)");
  const read = nativeFunction("int64_t read(int fd, int64_t into, uint64_t bytes)");
  const write = nativeFunction("int64_t write(int fd, int64_t from, uint64_t bytes)");
  const writev = nativeFunction("int64_t writev(int fd, int64_t vector, int count)");
  const sendmmsg = nativeFunction("int sendmmsg(int fd, int64_t messages, unsigned int count, int flags)");
  const recvmmsg = nativeFunction(
    "int recvmmsg(int fd, int64_t messages, unsigned int count, int flags, int64_t timeout)",
  );
  const clock = nativeFunction("int clock_gettime(int clock, int64_t into)");
  const { address, view } = scratch;
  return {
    poll: (fds, count, timeoutMs) => poll(fds, count, timeoutMs),
    read: (fd, into, bytes) => read(fd, into, bytes),
    write: (fd, from, bytes) => write(fd, from, bytes),
    writev: (fd, vector, count) => writev(fd, vector, count),
    sendmmsg: (fd, messages, count) => sendmmsg(fd, messages, count, MSG_DONTWAIT),
    recvmmsg: (fd, messages, count) => recvmmsg(fd, messages, count, MSG_DONTWAIT, 0),
    bootTimeMs() {
      clock(CLOCK_BOOTTIME, address);
      return view.getUint32(0, true) * 1000 + Math.floor(view.getUint32(8, true) / 1e6);
    },
    errno: nativeErrno,
  };
}
