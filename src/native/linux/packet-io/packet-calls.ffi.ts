import type { Arena } from "../../memory/arena.ffi.ts";
import { nativeErrno, nativeFunction } from "../../native-function.ffi.ts";
import type { PacketCalls } from "../../packet-system.ts";
import { errnoName } from "../errno.ts";

const MSG_DONTWAIT = 0x40;
const CLOCK_BOOTTIME = 7;

/** Declares the calls. The clock is CLOCK_BOOTTIME, which runs while the host sleeps; its result is in `arena`. */
export function packetCalls({ view, base, reserve }: Arena): PacketCalls {
  const poll = nativeFunction("int poll(int64_t fds, uint64_t count, int timeout)");
  const read = nativeFunction("int64_t read(int fd, int64_t into, uint64_t bytes)");
  const write = nativeFunction("int64_t write(int fd, int64_t from, uint64_t bytes)");
  const writev = nativeFunction("int64_t writev(int fd, int64_t vector, int count)");
  const sendmmsg = nativeFunction("int sendmmsg(int fd, int64_t messages, unsigned int count, int flags)");
  const recvmmsg = nativeFunction(
    "int recvmmsg(int fd, int64_t messages, unsigned int count, int flags, int64_t timeout)",
  );
  const clock = nativeFunction("int clock_gettime(int clock, int64_t into)");
  const at = reserve(16);
  const address = base + at;
  return {
    poll: (fds, count, timeoutMs) => poll(fds, count, timeoutMs),
    read: (fd, into, bytes) => read(fd, into, bytes),
    write: (fd, from, bytes) => write(fd, from, bytes),
    writev: (fd, vector, count) => writev(fd, vector, count),
    sendmmsg: (fd, messages, count) => sendmmsg(fd, messages, count, MSG_DONTWAIT),
    recvmmsg: (fd, messages, count) => recvmmsg(fd, messages, count, MSG_DONTWAIT, 0),
    bootTimeMs() {
      clock(CLOCK_BOOTTIME, address);
      return view.getUint32(at, true) * 1000 + Math.floor(view.getUint32(at + 8, true) / 1e6);
    },
    errno: () => errnoName(nativeErrno()),
  };
}
