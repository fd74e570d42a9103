import { DARWIN_ERRNO } from "../../../../src/native/darwin/errno.ts";
import { openLibSystem } from "../../../../src/native/darwin/libsystem.ffi.ts";
import type { CallResult, LibSystem } from "../../../../src/native/darwin/libsystem.ts";
import { errnoName } from "../../../../src/native/linux/errno.ts";

/** Numbers of bsd/sys/socket.h and netinet/in.h, written down once more, with Linux's. */
const FAMILIES: Readonly<Record<number, { readonly linux: number; readonly bytes: number }>> = {
  2: { linux: 2, bytes: 16 },
  30: { linux: 10, bytes: 28 },
};
/** Type and protocol of each socket that a probe may make, by Darwin's family. */
const SOCKETS: readonly string[] = ["2/1/6", "30/1/6", "2/3/1", "30/3/58"];
const OPTIONS: Readonly<Record<string, readonly [level: number, name: number]>> = {
  "65535/4103": [1, 4],
  // IP_BOUND_IF and IPV6_BOUND_IF become SO_BINDTOIFINDEX.
  "0/25": [1, 62],
  "41/125": [1, 62],
};
const [F_SETFD, F_GETFL, F_SETFL] = [2, 3, 4];
const [DARWIN_NONBLOCK, LINUX_NONBLOCK] = [4, 0o4000];

/**
 * The calls of libSystem that probes make, as Darwin numbers them, carried out by the C library of this Linux: what Darwin
 * would not understand is an error of the test, and errnos come back as Darwin's.
 */
export function linuxSockets(): { readonly system: LibSystem; readonly open: ReadonlySet<number> } {
  const libc = openLibSystem(null);
  const open = new Set<number>();
  const nonblocking = new Set<number>();
  const known = (fd: number) => {
    if (!open.has(fd)) throw new Error(`descriptor ${fd} is not open`);
    return fd;
  };
  const system: LibSystem = {
    ...libc,
    socket: (domain, type, protocol) => {
      if (!SOCKETS.includes(`${domain}/${type}/${protocol}`)) throw new Error(`socket ${domain}/${type}/${protocol}`);
      const made = translated(libc.socket(FAMILIES[domain]?.linux ?? 0, type, protocol));
      if (made.value >= 0) open.add(made.value);
      return made;
    },
    connect: (fd, address) => {
      if (!nonblocking.has(known(fd))) throw new Error("a connection that waits");
      const family = FAMILIES[address[1] ?? 0];
      if (family === undefined || address[0] !== address.length || address.length !== family.bytes)
        throw new Error(`sa_len ${address[0]} of family ${address[1]}`);
      return translated(libc.connect(fd, Uint8Array.from([family.linux, 0, ...address.subarray(2)])));
    },
    getpeername: (fd, address) => {
      const result = libc.getpeername(known(fd), address);
      return { ...result, ...translated(result) };
    },
    getsockopt: (fd, level, name, buffer) => {
      const result = libc.getsockopt(known(fd), ...optionOf(level, name), buffer);
      const view = new DataView(buffer.buffer, buffer.byteOffset);
      view.setInt32(0, darwinNumber(view.getInt32(0, true)), true);
      return { ...result, ...translated(result) };
    },
    setsockopt: (fd, level, name, value) => translated(libc.setsockopt(known(fd), ...optionOf(level, name), value)),
    fcntl: (fd, command, argument) => {
      known(fd);
      if (command === F_SETFD) return translated(libc.fcntl(fd, F_SETFD, argument));
      if (command === F_GETFL) return { value: 2, errno: 0 };
      if (command !== F_SETFL || argument !== (2 | DARWIN_NONBLOCK)) throw new Error(`fcntl ${command} ${argument}`);
      nonblocking.add(fd);
      return translated(libc.fcntl(fd, F_SETFL, LINUX_NONBLOCK));
    },
    read: (fd, buffer) => translated(libc.read(known(fd), buffer)),
    write: (fd, bytes) => translated(libc.write(known(fd), bytes)),
    close: (fd) => {
      open.delete(known(fd));
      nonblocking.delete(fd);
      return libc.close(fd);
    },
  };
  return { system, open };
}

function optionOf(level: number, name: number): readonly [number, number] {
  const found = OPTIONS[`${level}/${name}`];
  if (found === undefined) throw new Error(`option ${name} of level ${level}`);
  return found;
}

function translated({ value, errno }: CallResult): CallResult {
  return value === -1 ? { value, errno: darwinNumber(errno) } : { value, errno: 0 };
}

/** Linux's number of an error as Darwin's of the same name. */
function darwinNumber(errno: number): number {
  if (errno === 0) return 0;
  const name = errnoName(errno);
  const found = Object.entries(DARWIN_ERRNO).find(([, [one]]) => one === name);
  if (found === undefined) throw new Error(`${name} is no error that awg knows of macOS`);
  return Number(found[0]);
}
