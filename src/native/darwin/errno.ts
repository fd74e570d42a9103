import { type AwgError, callError, type ErrnoTable, type ErrorFacts, nameOfErrno } from "../../model/error.ts";
import { permissionRemedy } from "./permission-remedy.ts";

/** Darwin's errno numbers (bsd/sys/errno.h; not Linux's). */
export const DARWIN_ERRNO: ErrnoTable = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "not found"],
  3: ["ESRCH", "no such entry"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input or output error"],
  6: ["ENXIO", "no such device or address"],
  9: ["EBADF", "bad file descriptor"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "access denied"],
  14: ["EFAULT", "bad memory address"],
  16: ["EBUSY", "in use"],
  17: ["EEXIST", "already exists"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a folder"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files on this host"],
  24: ["EMFILE", "too many open files in this process"],
  25: ["ENOTTY", "request not supported by this kernel"],
  32: ["EPIPE", "broken pipe"],
  35: ["EAGAIN", "temporarily unavailable, try again"],
  36: ["EINPROGRESS", "in progress"],
  37: ["EALREADY", "already in progress"],
  40: ["EMSGSIZE", "message too long"],
  41: ["EPROTOTYPE", "wrong type of socket"],
  42: ["ENOPROTOOPT", "no such socket option"],
  43: ["EPROTONOSUPPORT", "protocol not supported"],
  45: ["ENOTSUP", "not supported"],
  47: ["EAFNOSUPPORT", "address family not supported"],
  48: ["EADDRINUSE", "address in use"],
  49: ["EADDRNOTAVAIL", "address not available here"],
  50: ["ENETDOWN", "the network is down"],
  51: ["ENETUNREACH", "network unreachable"],
  54: ["ECONNRESET", "connection reset by peer"],
  55: ["ENOBUFS", "no buffer space left"],
  57: ["ENOTCONN", "the socket is not connected"],
  61: ["ECONNREFUSED", "connection refused"],
  65: ["EHOSTUNREACH", "no route to host"],
  102: ["EOPNOTSUPP", "not supported"],
};

/** The symbolic name of one of Darwin's errno numbers, `errno 999` for one awg does not know. */
export function darwinErrnoName(errno: number): string {
  return nameOfErrno(DARWIN_ERRNO, errno);
}

/** The error of a failed call to macOS; see `callError`. */
export function darwinError(action: string, errno: number, facts: ErrorFacts = {}): AwgError {
  return callError(DARWIN_ERRNO, permissionRemedy, [action, errno, { facts }]);
}
