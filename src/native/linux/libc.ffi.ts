import { createRequire } from "node:module";
import type { KoffiFunc } from "koffi";
import { errnoError } from "./errno.ts";

type Koffi = typeof import("koffi");

/** The C library functions awg calls, as koffi prototypes. Pointers are `void *` and accept a Uint8Array or null. */
const PROTOTYPES = {
  socket: "int socket(int domain, int type, int protocol)",
  socketpair: "int socketpair(int domain, int type, int protocol, void *fds)",
  bind: "int bind(int fd, const void *address, uint32_t length)",
  connect: "int connect(int fd, const void *address, uint32_t length)",
  listen: "int listen(int fd, int backlog)",
  getsockname: "int getsockname(int fd, void *address, void *length)",
  setsockopt: "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  sendto: "int64_t sendto(int fd, const void *data, uint64_t length, int flags, const void *to, uint32_t toLength)",
  recvfrom: "int64_t recvfrom(int fd, void *data, uint64_t length, int flags, void *from, void *fromLength)",
  sendmsg: "int64_t sendmsg(int fd, const void *message, int flags)",
  recvmsg: "int64_t recvmsg(int fd, void *message, int flags)",
  poll: "int poll(void *fds, uint64_t count, int timeoutMs)",
  open: "int open(const char *path, int flags, ...)",
  read: "int64_t read(int fd, void *data, uint64_t length)",
  close: "int close(int fd)",
  dup2: "int dup2(int from, int to)",
  ioctl: "int ioctl(int fd, unsigned long request, ...)",
  fcntl: "int fcntl(int fd, int command, ...)",
  fallocate: "int fallocate(int fd, int mode, int64_t offset, int64_t length)",
  flock: "int flock(int fd, int operation)",
  setfsuid: "int setfsuid(uint32_t uid)",
  setfsgid: "int setfsgid(uint32_t gid)",
  capset: "int capset(void *header, const void *data)",
  setns: "int setns(int fd, int type)",
  unshare: "int unshare(int flags)",
  mount: "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
  umount2: "int umount2(const char *target, int flags)",
  prctl: "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
  setrlimit: "int setrlimit(int resource, const void *limit)",
  syscall: "long syscall(long number, long a, long b, long c, long d)",
} as const;

type CallName = keyof typeof PROTOTYPES;
type LibcFunction = KoffiFunc<(...values: unknown[]) => unknown>;

let koffi: Koffi | undefined;
let library: ReturnType<Koffi["load"]> | undefined;
const functions = new Map<CallName, LibcFunction>();

/** Loads koffi at first use: it costs milliseconds that verbs without kernel access should not pay. */
function loadKoffi(): Koffi {
  // The bundled CommonJS form has no import.meta.url, and `require` is the launcher's; the checkout has no `require`.
  koffi ??= (typeof require === "function" ? require : createRequire(import.meta.url))("koffi") as Koffi;
  return koffi;
}

function functionOf(name: CallName): LibcFunction {
  const known = functions.get(name);
  if (known !== undefined) return known;
  library ??= loadKoffi().load(null);
  const declared = library.func(PROTOTYPES[name]);
  functions.set(name, declared);
  return declared;
}

/** Calls a C library function and returns its result; -1 means failure, with the reason in `lastErrno()`. */
export function callLibc(name: CallName, ...values: readonly unknown[]): number {
  return Number(functionOf(name)(...values));
}

/** The same on a thread of libuv's pool, for calls that wait. The errno is lost, so only for calls without one. */
export function callLibcAsync(name: CallName, ...values: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    functionOf(name).async(...values, (error: Error | null, result: unknown) => {
      if (error === null) resolve(Number(result));
      else reject(error);
    });
  });
}

/** The errno of the last failed call of this thread. Only meaningful straight after a -1. */
export function lastErrno(): number {
  return loadKoffi().errno();
}

/**
 * The address of a buffer's first byte, for structures that hold pointers. The caller keeps the buffer referenced
 * until the call that uses the address is over.
 */
export function addressOf(bytes: Uint8Array): bigint {
  return loadKoffi().address(bytes);
}

/**
 * Calls and converts -1 into an error that names the action.
 *
 * @throws AwgError of the kind that fits the errno, with `facts.errno`.
 */
export function checkedLibc(action: string, name: CallName, ...values: readonly unknown[]): number {
  const result = callLibc(name, ...values);
  if (result === -1) throw errnoError(action, lastErrno());
  return result;
}

/** Closes a descriptor; an already closed one is no error (close(2): never retried on Linux). */
export function closeDescriptor(fd: number): void {
  callLibc("close", fd);
}
