import { createRequire } from "node:module";
import type { KoffiFunc } from "koffi";
import type { CallResult, LibSystem, SizedCallResult } from "./libsystem.ts";

type Koffi = typeof import("koffi");
type Native = KoffiFunc<(...values: unknown[]) => unknown>;

/**
 * The calls as koffi prototypes. Variadic functions must be declared with "...": arm64 passes those arguments on the
 * stack.
 */
export const LIBSYSTEM_PROTOTYPES = {
  socket: "int socket(int domain, int type, int protocol)",
  connect: "int connect(int fd, const void *address, uint32_t length)",
  bind: "int bind(int fd, const void *address, uint32_t length)",
  getsockname: "int getsockname(int fd, void *address, void *length)",
  getpeername: "int getpeername(int fd, void *address, void *length)",
  pipe: "int pipe(void *ends)",
  close: "int close(int fd)",
  read: "int64_t read(int fd, void *data, uint64_t length)",
  write: "int64_t write(int fd, const void *data, uint64_t length)",
  ioctl: "int ioctl(int fd, unsigned long request, ...)",
  fcntl: "int fcntl(int fd, int command, ...)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  setsockopt: "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
  open: "int open(const char *path, int flags, ...)",
  sysctl: "int sysctl(void *mib, uint32_t count, void *old, void *oldLength, const void *new, uint64_t newLength)",
  sysctlbyname: "int sysctlbyname(const char *name, void *old, void *oldLength, const void *new, uint64_t newLength)",
  if_nametoindex: "uint32_t if_nametoindex(const char *name)",
  kqueue: "int kqueue()",
  kevent:
    "int kevent(int queue, const void *changes, int changeCount, void *events, int eventCount, const void *timeout)",
  __proc_info: "int __proc_info(int call, int pid, int flavor, uint64_t argument, void *buffer, int size)",
  csops: "int csops(int pid, uint32_t operation, void *data, uint64_t size)",
  setrlimit: "int setrlimit(int resource, const void *limit)",
  ptrace: "int ptrace(int request, int pid, void *address, int data)",
  launch_activate_socket: "int launch_activate_socket(const char *name, void *fds, void *count)",
  free: "void free(uint64_t address)",
  getpid: "int getpid()",
  kill: "int kill(int pid, int signal)",
} as const;

type CallName = keyof typeof LIBSYSTEM_PROTOTYPES;

/** The library's path; since macOS 11 it is not a file on disk, but dlopen finds it in the shared cache. */
const LIBSYSTEM_PATH = "/usr/lib/libSystem.B.dylib";
const KEVENT_BYTES = 32;

/**
 * libSystem itself. koffi and the library are loaded at the first call, each function at its own first call.
 *
 * @param path the library to load; null uses the C library of this process, which has the calls shared with Linux
 */
export function openLibSystem(path: string | null = LIBSYSTEM_PATH): LibSystem {
  const calls = new Calls(path);
  return { ...descriptorCalls(calls), ...systemCalls(calls) };
}

class Calls {
  readonly #path: string | null;
  readonly #functions = new Map<CallName, Native>();
  #koffi: Koffi | undefined;
  #library: ReturnType<Koffi["load"]> | undefined;

  constructor(path: string | null) {
    this.#path = path;
  }

  get koffi(): Koffi {
    // The bundled CommonJS form has no import.meta.url, and `require` is the launcher's; the checkout has no `require`.
    this.#koffi ??= (typeof require === "function" ? require : createRequire(import.meta.url))("koffi") as Koffi;
    return this.#koffi;
  }

  /** Calls and reads errno at once, before anything else on this thread can change it. */
  run(name: CallName, ...values: readonly unknown[]): CallResult {
    const value = Number(this.#functionOf(name)(...values));
    return { value, errno: value === -1 ? this.koffi.errno() : 0 };
  }

  #functionOf(name: CallName): Native {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    this.#library ??= this.koffi.load(this.#path);
    const declared = this.#library.func(LIBSYSTEM_PROTOTYPES[name]);
    this.#functions.set(name, declared);
    return declared;
  }
}

type DescriptorCalls = Pick<
  LibSystem,
  | "socket"
  | "connect"
  | "bind"
  | "getsockname"
  | "getpeername"
  | "pipe"
  | "close"
  | "read"
  | "write"
  | "ioctl"
  | "ioctlPointing"
  | "fcntl"
  | "getsockopt"
  | "setsockopt"
  | "open"
>;

function descriptorCalls(calls: Calls): DescriptorCalls {
  return {
    socket: (domain, type, protocol) => calls.run("socket", domain, type, protocol),
    connect: (fd, address) => calls.run("connect", fd, address, address.length),
    bind: (fd, address) => calls.run("bind", fd, address, address.length),
    getsockname: (fd, address) => addressOf(calls, "getsockname", fd, address),
    getpeername: (fd, address) => addressOf(calls, "getpeername", fd, address),
    pipe: (ends) => calls.run("pipe", ends),
    close: (fd) => calls.run("close", fd),
    read: (fd, buffer) => calls.run("read", fd, buffer, buffer.length),
    write: (fd, bytes) => calls.run("write", fd, bytes, bytes.length),
    ioctl: (fd, request, argument) => calls.run("ioctl", fd, request >>> 0, "void *", argument),
    ioctlPointing: (fd, request, argument, pointerAt, pointed) => {
      const address = BigInt(calls.koffi.address(pointed));
      new DataView(argument.buffer, argument.byteOffset).setBigUint64(pointerAt, address, true);
      return calls.run("ioctl", fd, request >>> 0, "void *", argument);
    },
    fcntl: (fd, command, argument) => calls.run("fcntl", fd, command, "int", argument),
    getsockopt: (fd, level, name, buffer) => {
      const length = Uint32Array.of(buffer.length);
      const result = calls.run("getsockopt", fd, level, name, buffer, length);
      return { ...result, length: length[0] ?? 0 };
    },
    setsockopt: (fd, level, name, value) => calls.run("setsockopt", fd, level, name, value, value.length),
    open: (path, flags) => calls.run("open", path, flags),
  };
}

/** An endpoint of a socket; its length is returned separately. */
function addressOf(
  calls: Calls,
  name: "getsockname" | "getpeername",
  fd: number,
  address: Uint8Array,
): SizedCallResult {
  const length = Uint32Array.of(address.length);
  const result = calls.run(name, fd, address, length);
  return { ...result, length: length[0] ?? 0 };
}

function systemCalls(calls: Calls): Omit<LibSystem, keyof DescriptorCalls> {
  const sized = (out: Uint8Array | undefined, run: (length: BigUint64Array) => CallResult): SizedCallResult => {
    const length = BigUint64Array.of(BigInt(out?.length ?? 0));
    const result = run(length);
    return { ...result, length: Number(length[0]) };
  };
  return {
    sysctl: (mib, out) =>
      sized(out, (length) => calls.run("sysctl", Int32Array.from(mib), mib.length, out ?? null, length, null, 0)),
    sysctlByName: (name, out) => sized(out, (length) => calls.run("sysctlbyname", name, out ?? null, length, null, 0)),
    ifNameToIndex: (name) => {
      const { value } = calls.run("if_nametoindex", name);
      return { value, errno: value === 0 ? calls.koffi.errno() : 0 };
    },
    kqueue: () => calls.run("kqueue"),
    kevent: (queue, changes, events, timeoutMs) => {
      const timeout = BigInt64Array.of(
        BigInt(Math.floor(timeoutMs / 1000)),
        BigInt(Math.floor((timeoutMs % 1000) * 1_000_000)),
      );
      const counts = [changes.length, events.length].map((bytes) => Math.floor(bytes / KEVENT_BYTES));
      return calls.run("kevent", queue, changes, counts[0], events, counts[1], timeout);
    },
    procInfo: (call, pid, flavor, argument, buffer) =>
      calls.run("__proc_info", call, pid, flavor, argument, buffer, buffer.length),
    csops: (pid, operation, buffer) => calls.run("csops", pid, operation, buffer, buffer.length),
    setrlimit: (resource, limit) => calls.run("setrlimit", resource, limit),
    ptrace: (request, pid) => calls.run("ptrace", request, pid, null, 0),
    activateSockets: (name) => {
      const [address, count] = [new BigUint64Array(1), new BigUint64Array(1)];
      const { value } = calls.run("launch_activate_socket", name, address, count);
      if (value !== 0) return { errno: value, fds: [] };
      const fds = calls.koffi.decode(address[0] ?? 0n, "int", Number(count[0])) as number[];
      // launch.h: the array is the caller's.
      calls.run("free", address[0] ?? 0n);
      return { errno: 0, fds: [...fds] };
    },
    getpid: () => calls.run("getpid").value,
    kill: (pid, signal) => calls.run("kill", pid, signal),
  };
}
