import { DARWIN_ERRNO } from "../../../src/native/darwin/errno.ts";
import { openLibSystem } from "../../../src/native/darwin/libsystem.ffi.ts";
import type { CallResult, LibSystem } from "../../../src/native/darwin/libsystem.ts";
import { darwinPacketSystem } from "../../../src/native/darwin/packet-io/darwin-packet-system.ts";
import { type RawPacketCalls, rawPacketCalls } from "../../../src/native/darwin/packet-io/packet-calls.ffi.ts";
import { errnoName } from "../../../src/native/linux/errno.ts";
import type { Arena } from "../../../src/native/memory/arena.ffi.ts";
import type { PacketSystem } from "../../../src/native/packet-system.ts";

/** Numbers of bsd/sys/socket.h, netinet/in.h and their Linux counterparts, written down once more. */
const FAMILIES = { 2: { linux: 2, bytes: 16 }, 30: { linux: 10, bytes: 28 } } as const;
const OPTIONS: Readonly<Record<string, readonly [level: number, name: number]>> = {
  "65535/4097": [1, 7],
  "65535/4098": [1, 8],
  "41/27": [41, 26],
  // IP_BOUND_IF and IPV6_BOUND_IF become SO_BINDTOIFINDEX.
  "0/25": [1, 62],
  "41/125": [1, 62],
};
const SO_RCVBUF = 4098;
const SO_SNDBUF = 4097;
/** kern.ipc.maxsockbuf, less what its bookkeeping takes, as a small Mac has it. */
const MOST_BUFFER_BYTES = 2 * 1024 * 1024;
const DARWIN_DONTWAIT = 0x80;
const LINUX_DONTWAIT = 0x40;
const DARWIN_NONBLOCK = 4;
const LINUX_NONBLOCK = 0o4000;
const CLOCK_MONOTONIC_RAW = 4;
const F_GETFL = 3;
const F_SETFL = 4;

/** What was asked of the kernel and cannot be seen in it afterwards. */
export interface Asked {
  /** fd, level, name and value of each option. */
  readonly options: (readonly [fd: number, level: number, name: number, value: number])[];
}

/**
 * The calls of libSystem as Darwin numbers them, carried out by the C library of this Linux: families, lengths inside
 * socket addresses, options, flags and errnos are translated both ways, and what Darwin would not understand is an error
 * of the test. A descriptor of a socket pair stands for a utun.
 */
export function linuxBeneath(asked: Asked = { options: [] }): { system: LibSystem; packets: PacketSystem } {
  const system = libSystemOn(openLibSystem(null), asked);
  return { system, packets: darwinPacketSystem(system, rawOn) };
}

function libSystemOn(libc: LibSystem, asked: Asked): LibSystem {
  return {
    ...libc,
    socket: (domain, type, protocol) => {
      if (type !== 2 || protocol !== 0) throw new Error(`socket of type ${type} and protocol ${protocol}`);
      return translated(libc.socket(familyOf(domain).linux, type, protocol));
    },
    bind: (fd, address) => translated(libc.bind(fd, forLinux(address))),
    getsockname: (fd, address) => {
      const result = libc.getsockname(fd, address);
      forDarwin(address);
      return { ...result, ...translated(result) };
    },
    setsockopt: (fd, level, name, value) => {
      const to = OPTIONS[`${level}/${name}`];
      if (to === undefined) throw new Error(`setsockopt of level ${level} and name ${name}`);
      const number = new DataView(value.buffer, value.byteOffset, value.length).getUint32(0, true);
      asked.options.push([fd, level, name, number]);
      const isBuffer = level === 65_535 && (name === SO_RCVBUF || name === SO_SNDBUF);
      if (isBuffer && number > MOST_BUFFER_BYTES) return { value: -1, errno: 55 };
      return translated(libc.setsockopt(fd, ...to, value));
    },
    getsockopt: (_fd, level, name, buffer) => {
      if (level !== 2 || name !== 2) throw new Error(`getsockopt of level ${level} and name ${name}`);
      buffer.set(new TextEncoder().encode("utun9\0"));
      return { value: 0, errno: 0, length: 6 };
    },
    fcntl: (fd, command, argument) => {
      const flags = command === F_SETFL && (argument & DARWIN_NONBLOCK) !== 0 ? LINUX_NONBLOCK : 0;
      const result = translated(libc.fcntl(fd, command, command === F_SETFL ? flags : argument));
      if (command !== F_GETFL || result.value === -1) return result;
      return { ...result, value: 2 | ((result.value & LINUX_NONBLOCK) === 0 ? 0 : DARWIN_NONBLOCK) };
    },
    read: (fd, buffer) => translated(libc.read(fd, buffer)),
    write: (fd, bytes) => translated(libc.write(fd, bytes)),
  };
}

/** struct msghdr lies in the first 48 bytes of a message; it is handed to Linux as it is but for the address in it. */
function rawOn(arena: Arena): RawPacketCalls {
  const libc = rawPacketCalls();
  let failure = 0;
  const noted = (value: number) => {
    if (value === -1) failure = darwinNumber(libc.errno());
    return value;
  };
  const nameAt = (message: number) => {
    const at = message - arena.base;
    if (arena.view.getUint32(at + 40, true) !== 0) throw new Error("a message bears control data");
    return arena.bytes.subarray(Number(arena.view.getBigUint64(at, true)) - arena.base).subarray(0, 28);
  };
  const dontWait = (flags: number) => {
    if (flags !== DARWIN_DONTWAIT) throw new Error(`a message with flags ${flags}`);
    return LINUX_DONTWAIT;
  };
  return {
    ...libc,
    poll: (fds, count, timeoutMs) => noted(libc.poll(fds, count, timeoutMs)),
    read: (fd, into, bytes) => noted(libc.read(fd, into, bytes)),
    write: (fd, from, bytes) => noted(libc.write(fd, from, bytes)),
    sendmsg: (fd, message, flags) => {
      // sendit of bsd/kern/uipc_syscalls.c: control data that is named has at least a header.
      if (arena.view.getBigUint64(message - arena.base + 32, true) !== 0n)
        throw new Error("empty control data is named");
      const name = nameAt(message);
      const length = arena.view.getUint32(message - arena.base + 8, true);
      if (length !== name[0]) throw new Error(`an address of ${name[0]} bytes in a message that says ${length}`);
      const darwin = name.slice(0, length);
      name.set(forLinux(darwin));
      const value = noted(libc.sendmsg(fd, message, dontWait(flags)));
      name.set(darwin);
      return value;
    },
    recvmsg: (fd, message, flags) => {
      const value = noted(libc.recvmsg(fd, message, dontWait(flags)));
      if (value !== -1) forDarwin(nameAt(message));
      return value;
    },
    clockGettime: (clock, into) => {
      if (clock !== CLOCK_MONOTONIC_RAW) throw new Error(`clock ${clock}`);
      return libc.clockGettime(clock, into);
    },
    errno: () => failure,
  };
}

function familyOf(number: number | undefined): { readonly linux: number; readonly bytes: number } {
  if (number !== 2 && number !== 30) throw new Error(`address family ${number}`);
  return FAMILIES[number];
}

function forLinux(address: Uint8Array): Uint8Array {
  const { linux, bytes } = familyOf(address[1]);
  if (address[0] !== address.length || address.length !== bytes) throw new Error(`sa_len ${address[0]}`);
  return Uint8Array.from([linux, 0, ...address.subarray(2)]);
}

function forDarwin(address: Uint8Array): void {
  const isSix = address[0] === 10;
  address[0] = isSix ? 28 : 16;
  address[1] = isSix ? 30 : 2;
}

function translated(result: CallResult): CallResult {
  return result.value === -1 ? { value: -1, errno: darwinNumber(result.errno) } : result;
}

function darwinNumber(linux: number): number {
  const found = Object.entries(DARWIN_ERRNO).find(([, [name]]) => name === errnoName(linux));
  if (found === undefined) throw new Error(`Darwin's number of ${errnoName(linux)} is not known here`);
  return Number(found[0]);
}
