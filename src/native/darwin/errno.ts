import { AwgError, type ErrorFacts, type ErrorKind } from "../../model/error.ts";

/** Darwin's errno numbers (bsd/sys/errno.h; not Linux's) as name and words, for those that awg's calls can meet. */
export const DARWIN_ERRNO: Readonly<Record<number, readonly [string, string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such thing"],
  3: ["ESRCH", "no such entry"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input or output error"],
  6: ["ENXIO", "no such device or address"],
  9: ["EBADF", "not an open descriptor"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "access denied"],
  14: ["EFAULT", "bad memory address"],
  16: ["EBUSY", "in use by another"],
  17: ["EEXIST", "there is one already"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a folder"],
  22: ["EINVAL", "refused as invalid"],
  23: ["ENFILE", "too many open files on this machine"],
  24: ["EMFILE", "too many open files in this process"],
  25: ["ENOTTY", "this kernel does not have the request"],
  32: ["EPIPE", "nobody reads there"],
  35: ["EAGAIN", "not now, try again"],
  36: ["EINPROGRESS", "under way"],
  37: ["EALREADY", "under way already"],
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
  54: ["ECONNRESET", "the other end closed the connection"],
  55: ["ENOBUFS", "no buffer space left"],
  57: ["ENOTCONN", "the socket is not connected"],
  61: ["ECONNREFUSED", "nobody listens there"],
  65: ["EHOSTUNREACH", "no way to the host"],
  102: ["EOPNOTSUPP", "operation not supported"],
};

const KINDS: Readonly<Record<string, ErrorKind>> = {
  EPERM: "permission",
  EACCES: "permission",
  ENOTTY: "unsupported",
  ENOTSUP: "unsupported",
  EOPNOTSUPP: "unsupported",
  EPROTONOSUPPORT: "unsupported",
  EAFNOSUPPORT: "unsupported",
  ENOPROTOOPT: "unsupported",
  EBUSY: "conflict",
  EEXIST: "conflict",
};

/** The symbolic name of one of Darwin's errno numbers, `errno 999` for one awg does not know. */
export function darwinErrnoName(errno: number): string {
  return DARWIN_ERRNO[errno]?.[0] ?? `errno ${errno}`;
}

/**
 * The error of a failed call to macOS: "adding route 10.0.0.0/8 failed: there is one already (EEXIST)".
 * `facts.errno` holds the symbolic name, to be compared; `action` says what was being done, starting with a verb.
 */
export function darwinError(action: string, errno: number, facts: ErrorFacts = {}): AwgError {
  const name = darwinErrnoName(errno);
  const kind = KINDS[name] ?? "host";
  return new AwgError(kind, `${action} failed: ${DARWIN_ERRNO[errno]?.[1] ?? "unknown error"} (${name})`, {
    facts: { ...facts, errno: name },
    ...(kind === "permission" ? { remedy: "run it as root" } : {}),
  });
}
