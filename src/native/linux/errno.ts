import { AwgError, type CallDetail, callError, type ErrnoTable, nameOfErrno } from "../../model/error.ts";
import { permissionRemedy } from "./permission-remedy.ts";

/** Linux errno numbers (include/uapi/asm-generic/errno*.h). */
const ERRNO: ErrnoTable = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "not found"],
  3: ["ESRCH", "no such entry"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input or output error"],
  6: ["ENXIO", "no such device or address"],
  7: ["E2BIG", "too large"],
  9: ["EBADF", "bad file descriptor"],
  11: ["EAGAIN", "temporarily unavailable, try again"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "access denied"],
  14: ["EFAULT", "bad memory address"],
  16: ["EBUSY", "in use"],
  17: ["EEXIST", "already exists"],
  18: ["EXDEV", "crosses devices"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a folder"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files on this host"],
  24: ["EMFILE", "too many open files in this process"],
  28: ["ENOSPC", "no space left"],
  30: ["EROFS", "read-only"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "out of range"],
  38: ["ENOSYS", "not supported by this kernel"],
  40: ["ELOOP", "a loop"],
  61: ["ENODATA", "no data"],
  62: ["ETIME", "timer expired"],
  71: ["EPROTO", "protocol error"],
  75: ["EOVERFLOW", "value too large"],
  77: ["EBADFD", "descriptor in a bad state"],
  85: ["ERESTART", "changed by another process at the same time"],
  90: ["EMSGSIZE", "message too long"],
  92: ["ENOPROTOOPT", "no such socket option"],
  93: ["EPROTONOSUPPORT", "protocol not supported"],
  94: ["ESOCKTNOSUPPORT", "socket type not supported"],
  95: ["EOPNOTSUPP", "not supported"],
  97: ["EAFNOSUPPORT", "address family not supported"],
  98: ["EADDRINUSE", "address in use"],
  99: ["EADDRNOTAVAIL", "address not available here"],
  100: ["ENETDOWN", "the network is down"],
  101: ["ENETUNREACH", "network unreachable"],
  104: ["ECONNRESET", "connection reset by peer"],
  105: ["ENOBUFS", "no buffer space left"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  113: ["EHOSTUNREACH", "no route to host"],
  115: ["EINPROGRESS", "in progress"],
};

/** The symbolic name of an errno number, `errno 999` for one awg doesn't know. */
export function errnoName(errno: number): string {
  return nameOfErrno(ERRNO, errno);
}

/** The error of a failed call to the kernel; see `callError`. */
export function errnoError(action: string, errno: number, detail: CallDetail = {}): AwgError {
  return callError(ERRNO, permissionRemedy, [action, errno, detail]);
}

/** Whether an error carries this errno name in its facts. */
export function hasErrno(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof AwgError && names.includes(String(error.facts["errno"]));
}
