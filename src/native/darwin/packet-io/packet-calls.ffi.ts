import type { Arena } from "../../memory/arena.ffi.ts";
import { nativeErrno, nativeFunction } from "../../native-function.ffi.ts";
import type { PacketCalls } from "../../packet-system.ts";
import { SOCKET } from "../constants.ts";
import { darwinErrnoName } from "../errno.ts";

/** The raw calls of libSystem for the loop: addresses as numbers, -1 with Darwin's errno on failure. */
export interface RawPacketCalls {
  poll(fds: number, count: number, timeoutMs: number): number;
  read(fd: number, into: number, bytes: number): number;
  write(fd: number, from: number, bytes: number): number;
  sendmsg(fd: number, message: number, flags: number): number;
  recvmsg(fd: number, message: number, flags: number): number;
  clockGettime(clock: number, into: number): number;
  errno(): number;
}

/** Linux's struct mmsghdr: offsets of the name's address, the control's length and the received length. */
const MESSAGE_BYTES = 64;
const NAME_AT = 0;
const CONTROL_AT = 32;
const CONTROL_LENGTH_AT = 40;
const RECEIVED_AT = 56;
/** AF_INET6 on Linux, and the first two bytes of socket addresses of either system. */
const LINUX_AF_INET6 = 10;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
/** Before each packet of a utun: its family in network order (bsd/net/if_utun.c, utun_ctl_send). */
const FAMILY_BYTES = 4;
/** time.h: mach_continuous_time, which runs while the host sleeps and is never set. */
const CLOCK_MONOTONIC_RAW = 4;
const ENODEV = 19;
const ENOTSUP = 45;

/** The calls as koffi prototypes, with addresses as numbers. */
export const PACKET_PROTOTYPES = {
  poll: "int poll(int64_t fds, unsigned int count, int timeout)",
  read: "int64_t read(int fd, int64_t into, uint64_t bytes)",
  write: "int64_t write(int fd, int64_t from, uint64_t bytes)",
  sendmsg: "int64_t sendmsg(int fd, int64_t message, int flags)",
  recvmsg: "int64_t recvmsg(int fd, int64_t message, int flags)",
  clock_gettime: "int clock_gettime(int clock, int64_t into)",
} as const;

/** Declares the calls to libSystem. */
export function rawPacketCalls(): RawPacketCalls {
  const poll = nativeFunction(PACKET_PROTOTYPES.poll);
  const read = nativeFunction(PACKET_PROTOTYPES.read);
  const write = nativeFunction(PACKET_PROTOTYPES.write);
  const sendmsg = nativeFunction(PACKET_PROTOTYPES.sendmsg);
  const recvmsg = nativeFunction(PACKET_PROTOTYPES.recvmsg);
  const clock = nativeFunction(PACKET_PROTOTYPES.clock_gettime);
  return {
    poll: (fds, count, timeoutMs) => poll(fds, count, timeoutMs),
    read: (fd, into, bytes) => read(fd, into, bytes),
    write: (fd, from, bytes) => write(fd, from, bytes),
    sendmsg: (fd, message, flags) => sendmsg(fd, message, flags),
    recvmsg: (fd, message, flags) => recvmsg(fd, message, flags),
    clockGettime: (id, into) => clock(id, into),
    errno: nativeErrno,
  };
}

/**
 * The loop's calls on macOS: one packet or datagram per call. The first 44 bytes of struct msghdr are the same as on
 * Linux (bsd/sys/socket.h), so messages are passed in place; only the first two bytes of socket addresses differ and
 * are converted. No control data is passed. The four header bytes of a packet are used as its family, so the loop sees
 * a device without a header.
 */
export function darwinPacketCalls(arena: Arena, raw: RawPacketCalls): PacketCalls {
  const { view, base } = arena;
  const clock = arena.reserve(16);
  let failure = 0;
  const result = (value: number) => {
    if (value === -1) failure = raw.errno();
    return value;
  };
  return {
    poll: (fds, count, timeoutMs) => result(raw.poll(fds, count, timeoutMs)),
    read(fd, into, bytes) {
      const got = result(raw.read(fd, into - FAMILY_BYTES, bytes + FAMILY_BYTES));
      // End of file of a control socket: its interface was removed.
      if (got === 0) failure = ENODEV;
      return got <= 0 ? -1 : Math.max(0, got - FAMILY_BYTES);
    },
    write(fd, from, bytes) {
      const isSix = view.getUint8(from - base) >>> 4 === 6;
      view.setUint32(from - base - FAMILY_BYTES, isSix ? SOCKET.AF_INET6 : SOCKET.AF_INET);
      return result(raw.write(fd, from - FAMILY_BYTES, bytes + FAMILY_BYTES));
    },
    writev() {
      failure = ENOTSUP;
      return -1;
    },
    sendmmsg(fd, messages, count) {
      for (let index = 0; index < count; index += 1) {
        const message = messages + index * MESSAGE_BYTES;
        nameForDarwin(arena, message - base);
        // xnu refuses control data shorter than a header (sendit of bsd/kern/uipc_syscalls.c), so it is set to none.
        if (view.getUint32(message - base + CONTROL_LENGTH_AT, true) === 0)
          view.setBigUint64(message - base + CONTROL_AT, 0n, true);
        if (result(raw.sendmsg(fd, message, SOCKET.MSG_DONTWAIT)) === -1) return index === 0 ? -1 : index;
      }
      return count;
    },
    recvmmsg(fd, messages, count) {
      for (let index = 0; index < count; index += 1) {
        const message = messages + index * MESSAGE_BYTES;
        view.setUint32(message - base + CONTROL_LENGTH_AT, 0, true);
        const got = result(raw.recvmsg(fd, message, SOCKET.MSG_DONTWAIT));
        if (got === -1) return index === 0 ? -1 : index;
        view.setUint32(message - base + RECEIVED_AT, got, true);
        nameForLoop(arena, message - base);
      }
      return count;
    },
    bootTimeMs() {
      raw.clockGettime(CLOCK_MONOTONIC_RAW, base + clock);
      return view.getUint32(clock, true) * 1000 + Math.floor(view.getUint32(clock + 8, true) / 1e6);
    },
    errno: () => darwinErrnoName(failure),
  };
}

/** Converts Linux's family word to length and family; a message that is sent again is already converted. */
function nameForDarwin(arena: Arena, message: number): void {
  const name = nameOf(arena, message);
  const { view } = arena;
  if (view.getUint8(name + 1) !== 0) return;
  const isSix = view.getUint8(name) === LINUX_AF_INET6;
  view.setUint8(name, isSix ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  view.setUint8(name + 1, isSix ? SOCKET.AF_INET6 : SOCKET.AF_INET);
}

function nameForLoop(arena: Arena, message: number): void {
  const name = nameOf(arena, message);
  const { view } = arena;
  const isSix = view.getUint8(name + 1) === SOCKET.AF_INET6;
  view.setUint16(name, isSix ? LINUX_AF_INET6 : SOCKET.AF_INET, true);
}

function nameOf({ view, base }: Arena, message: number): number {
  const low = view.getUint32(message + NAME_AT, true);
  const high = view.getUint32(message + NAME_AT + 4, true);
  return high * 4_294_967_296 + low - base;
}
