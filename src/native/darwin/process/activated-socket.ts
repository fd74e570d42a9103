import { AwgError } from "../../../model/error.ts";
import { checkedCall } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import { darwinErrnoName, darwinError } from "../errno.ts";
import type { LibSystem } from "../libsystem.ts";

/** launch.h: this process is no job of launchd, or its plist has no such key. */
const NOT_ACTIVATED: ReadonlySet<string> = new Set(["ESRCH", "ENOENT"]);

/**
 * The listening socket that launchd opened for a key of Sockets in this process's plist; children do not inherit it.
 * Undefined where launchd did not start this process for it.
 *
 * @throws AwgError("host") if it was taken before, or there is another number of sockets than one
 */
export function activatedSocket(system: LibSystem, key: string): number | undefined {
  const { errno, fds } = system.activateSockets(key);
  if (NOT_ACTIVATED.has(darwinErrnoName(errno))) return undefined;
  if (errno !== 0) throw darwinError("taking the socket from launchd", errno);
  for (const fd of fds) {
    checkedCall("keeping a socket from children", system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
  }
  const [fd] = fds;
  if (fd === undefined || fds.length > 1) {
    throw new AwgError("host", `launchd passed ${fds.length} sockets for the key ${key}; one is expected`);
  }
  return fd;
}
