import { closeSync, openSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LIBSYSTEM_PROTOTYPES, openLibSystem } from "../../../src/native/darwin/libsystem.ffi.ts";
import { PACKET_PROTOTYPES } from "../../../src/native/darwin/packet-io/packet-calls.ffi.ts";
import { ROOT } from "../../repository/sources.ts";
import { temporaryFolder } from "../../support/folder.ts";

const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");

/**
 * Each call as macOS's headers declare it on 64-bit: bytes of the result and of each named argument, and whether "..."
 * follows (unistd.h, sys/socket.h, sys/ioctl.h, fcntl.h, sys/sysctl.h, net/if.h, sys/event.h, signal.h, sys/codesign.h,
 * sys/resource.h, sys/ptrace.h, launch.h, stdlib.h; __proc_info of libsyscall/wrappers/libproc).
 */
const DECLARED: Readonly<Record<keyof typeof LIBSYSTEM_PROTOTYPES, readonly [number, readonly number[], boolean]>> = {
  socket: [4, [4, 4, 4], false],
  connect: [4, [4, 8, 4], false],
  bind: [4, [4, 8, 4], false],
  getsockname: [4, [4, 8, 8], false],
  getpeername: [4, [4, 8, 8], false],
  pipe: [4, [8], false],
  close: [4, [4], false],
  read: [8, [4, 8, 8], false],
  write: [8, [4, 8, 8], false],
  ioctl: [4, [4, 8], true],
  fcntl: [4, [4, 4], true],
  getsockopt: [4, [4, 4, 4, 8, 8], false],
  setsockopt: [4, [4, 4, 4, 8, 4], false],
  open: [4, [8, 4], true],
  sysctl: [4, [8, 4, 8, 8, 8, 8], false],
  sysctlbyname: [4, [8, 8, 8, 8, 8], false],
  if_nametoindex: [4, [8], false],
  kqueue: [4, [], false],
  kevent: [4, [4, 8, 4, 8, 4, 8], false],
  __proc_info: [4, [4, 4, 4, 8, 8, 4], false],
  csops: [4, [4, 4, 8, 8], false],
  setrlimit: [4, [4, 8], false],
  ptrace: [4, [4, 4, 8, 4], false],
  launch_activate_socket: [4, [8, 8, 8], false],
  free: [0, [8], false],
  getpid: [4, [], false],
  kill: [4, [4, 4], false],
};

/** The same of the calls under the packet loop, and of flock, which the lock of every writing verb takes on both systems. */
const PACKETS: Readonly<Record<keyof typeof PACKET_PROTOTYPES, readonly [number, readonly number[], boolean]>> = {
  poll: [4, [8, 4, 4], false],
  read: [8, [4, 8, 8], false],
  write: [8, [4, 8, 8], false],
  sendmsg: [8, [4, 8, 4], false],
  recvmsg: [8, [4, 8, 4], false],
  clock_gettime: [4, [4, 8], false],
};
const FLOCK = /^ {2}flock: "(.+)",$/m.exec(readFileSync(join(ROOT, "src/native/linux/libc.ffi.ts"), "utf8"))?.[1] ?? "";
const PROTOTYPES = [
  ...Object.entries(LIBSYSTEM_PROTOTYPES).map(
    ([name, text]) => [name, text, DECLARED[name as keyof typeof DECLARED]] as const,
  ),
  ...Object.entries(PACKET_PROTOTYPES).map(
    ([name, text]) => [name, text, PACKETS[name as keyof typeof PACKETS]] as const,
  ),
  ["flock", FLOCK, [4, [4, 4], false]] as const,
];

interface Parsed {
  readonly proto?: {
    readonly arguments: readonly { readonly type: { readonly size: number; readonly primitive: string } }[];
    readonly result: { readonly size: number };
  };
}

describe("libSystem's prototypes", () => {
  let parsedSoFar = 0;

  it.each(PROTOTYPES)("%s: %s has the widths of macOS's headers", (name, prototype, [result, widths, isVariadic]) => {
    parsedSoFar += 1;
    const anonymous = prototype.replace(` ${name}(`, ` parsed_${name}_${process.pid}_${parsedSoFar}(`);
    const parsed = koffi.type(koffi.proto(anonymous)) as unknown as Parsed;
    expect(parsed.proto?.result.size).toBe(result);
    expect(parsed.proto?.arguments.map(({ type }) => type.size)).toEqual(widths);
    expect(prototype.endsWith(", ...)")).toBe(isVariadic);
  });

  it("takes the request of an ioctl unsigned", () => {
    const parsed = koffi.type(koffi.proto(`int unsigned_${process.pid}(unsigned long request)`)) as unknown as Parsed;
    expect(LIBSYSTEM_PROTOTYPES.ioctl).toContain("unsigned long request");
    expect(parsed.proto?.arguments[0]?.type.primitive).toBe("UInt64");
  });
});

/** A library whose functions are ours, called by C's own convention: what they are given is what macOS would be given. */
describe("what arrives in C", () => {
  const callbacks: bigint[] = [];
  let madeSoFar = 0;
  afterEach(() => {
    vi.restoreAllMocks();
    for (const callback of callbacks.splice(0)) koffi.unregister(callback);
  });

  function called(heard: Readonly<Record<string, (...values: readonly never[]) => number>>) {
    const variadic = ", ...)";
    vi.spyOn(koffi, "load").mockReturnValue({
      func(prototype: string) {
        madeSoFar += 1;
        const [, name = ""] = / (\w+)\(/.exec(prototype) ?? [];
        const anonymous = prototype
          .replace(variadic, ", void *argument)")
          .replace(` ${name}(`, ` called_${process.pid}_${madeSoFar}(`);
        const type = koffi.proto(anonymous);
        const callback = koffi.register(heard[name] as never, koffi.pointer(type));
        callbacks.push(callback as bigint);
        const call = koffi.decode(callback, type);
        // Of what follows the named arguments koffi is told the type first.
        return (...values: unknown[]) => call(...(prototype.endsWith(variadic) ? values.toSpliced(-2, 1) : values));
      },
    } as never);
    return openLibSystem("nowhere");
  }

  it.each(["ioctl", "ioctlPointing"] as const)("%s: a request with its top bit set, and nothing above it", (which) => {
    const requests: bigint[] = [];
    const system = called({ ioctl: (_fd: number, request: number | bigint) => requests.push(BigInt(request)) });
    const DIOCGETSTATUS = 0xc0446d15;
    const [argument, pointed] = [new Uint8Array(16), new Uint8Array(8)];
    for (const request of [DIOCGETSTATUS, DIOCGETSTATUS | 0]) {
      if (which === "ioctl") system.ioctl(3, request, argument);
      else system.ioctlPointing(3, request, argument, 8, pointed);
    }
    expect(requests).toEqual([BigInt(DIOCGETSTATUS), BigInt(DIOCGETSTATUS)]);
  });

  it("kevent: milliseconds as seconds and nanoseconds", () => {
    const times: unknown[] = [];
    const system = called({
      kevent: (...values: readonly unknown[]) => {
        times.push([values[2], values[4], ...koffi.decode(values[5], "int64_t", 2)].map(Number));
        return 0;
      },
    });
    for (const ms of [0, 7, 2_500]) system.kevent(3, new Uint8Array(32), new Uint8Array(64), ms);
    expect(times).toEqual([
      [1, 2, 0, 0],
      [1, 2, 0, 7_000_000],
      [1, 2, 2, 500_000_000],
    ]);
  });

  it("launch_activate_socket: its array is read and freed, and its errno is what it returns", () => {
    const array = koffi.alloc("int", 2);
    koffi.encode(array, "int", [7, 9], 2);
    const freed: unknown[] = [];
    const system = called({
      launch_activate_socket: (name: string, fds: unknown, count: unknown) => {
        if (name !== "api") return 2;
        koffi.encode(fds, "uint64_t", koffi.address(array));
        koffi.encode(count, "uint64_t", 2n);
        return 0;
      },
      free: (address: unknown) => freed.push(BigInt(address as bigint)),
    });
    expect(system.activateSockets("api")).toEqual({ errno: 0, fds: [7, 9] });
    expect(freed).toEqual([BigInt(koffi.address(array))]);
    expect(system.activateSockets("other")).toEqual({ errno: 2, fds: [] });
    expect(freed).toHaveLength(1);
  });
});

/** Calls that mean the same to glibc run here for real; the numbers below are Linux's. */
describe.skipIf(process.platform !== "linux")("the calls that Linux shares (skipped elsewhere)", () => {
  const system = openLibSystem(null);
  function file(text: string): string {
    const folder = temporaryFolder("libsystem");
    const path = join(folder, "file");
    const fd = openSync(path, "w+");
    try {
      expect(system.write(fd, new TextEncoder().encode(text))).toEqual({ value: text.length, errno: 0 });
    } finally {
      closeSync(fd);
    }
    return path;
  }

  it("writes, opens, reads and closes a file", () => {
    const path = file("twelve bytes");
    expect(readFileSync(path, "utf8")).toBe("twelve bytes");
    const opened = system.open(path, 0);
    expect(opened.value).toBeGreaterThan(2);
    const buffer = new Uint8Array(32);
    expect(system.read(opened.value, buffer.subarray(4))).toEqual({ value: 12, errno: 0 });
    expect(new TextDecoder().decode(buffer.subarray(4, 16))).toBe("twelve bytes");
    expect(system.close(opened.value)).toEqual({ value: 0, errno: 0 });
  });

  it("gives the errno of a failed call", () => {
    expect(system.close(1_000_000)).toEqual({ value: -1, errno: 9 });
    expect(system.open("/nothing/of/this/name", 0)).toEqual({ value: -1, errno: 2 });
    expect(system.ifNameToIndex("no-such-device")).toEqual({ value: 0, errno: 19 });
  });

  it("sets and reads flags of a socket, by variadic fcntl and by socket options", () => {
    const socket = system.socket(2, 2, 0);
    expect(socket.value).toBeGreaterThan(2);
    try {
      const O_NONBLOCK = 0o4000;
      expect(system.fcntl(socket.value, 3, 0).value & O_NONBLOCK).toBe(0);
      expect(system.fcntl(socket.value, 4, O_NONBLOCK)).toEqual({ value: 0, errno: 0 });
      expect(system.fcntl(socket.value, 3, 0).value & O_NONBLOCK).toBe(O_NONBLOCK);
      const [SOL_SOCKET, SO_REUSEADDR, SO_TYPE] = [1, 2, 3];
      expect(system.setsockopt(socket.value, SOL_SOCKET, SO_REUSEADDR, Uint8Array.of(1, 0, 0, 0)).value).toBe(0);
      const type = new Uint8Array(8);
      expect(system.getsockopt(socket.value, SOL_SOCKET, SO_TYPE, type)).toEqual({ value: 0, errno: 0, length: 4 });
      expect([...type]).toEqual([2, 0, 0, 0, 0, 0, 0, 0]);
    } finally {
      system.close(socket.value);
    }
  });

  it("fills the argument of a variadic ioctl in place, its request unsigned", () => {
    const socket = system.socket(2, 2, 0);
    try {
      const SIOCGIFFLAGS = 0x8913;
      const ifreq = new Uint8Array(40);
      ifreq.set(new TextEncoder().encode("lo"));
      expect(system.ioctl(socket.value, SIOCGIFFLAGS, ifreq)).toEqual({ value: 0, errno: 0 });
      expect((ifreq[16] ?? 0) & 8).toBe(8);
      expect(system.ioctl(socket.value, 0xffffffff, ifreq)).toEqual({ value: -1, errno: 25 });
    } finally {
      system.close(socket.value);
    }
  });

  it("puts the address of a second buffer into an ioctl's argument", () => {
    const socket = system.socket(2, 2, 0);
    try {
      const SIOCGIFCONF = 0x8912;
      const ifreqs = new Uint8Array(40 * 64);
      const ifconf = new Uint8Array(16);
      new DataView(ifconf.buffer).setInt32(0, ifreqs.length, true);
      expect(system.ioctlPointing(socket.value, SIOCGIFCONF, ifconf, 8, ifreqs)).toEqual({ value: 0, errno: 0 });
      const filled = new DataView(ifconf.buffer).getInt32(0, true);
      expect(filled % 40).toBe(0);
      expect(ifreqs.subarray(filled).every((byte) => byte === 0)).toBe(true);
    } finally {
      system.close(socket.value);
    }
  });

  it("knows this process, and that it lives", () => {
    expect(system.getpid()).toBe(process.pid);
    expect(system.kill(process.pid, 0)).toEqual({ value: 0, errno: 0 });
    expect(system.kill(2 ** 30, 0)).toEqual({ value: -1, errno: 3 });
  });
});
