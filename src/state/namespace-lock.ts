import { hasErrno } from "../native/linux/errno.ts";
import { closeDescriptor } from "../native/linux/libc.ffi.ts";
import { listenOnUnixSocket, unixListener } from "../native/linux/process/unix-exchange.ffi.ts";
import { type LockingProcess, lockedBy, lockingProcess } from "./lock.ts";
import { fileLock, type WritersLock } from "./lock-holder.ts";

/** An abstract name (unix(7)): each network namespace has its own, and it disappears with its holder. */
const NAME = "\0awg/lock";
/** The listen queue: each query waits in it while the lock is held, and none is accepted. */
const MOST_ASKERS = 4096;
/** Another user can fill the queue, so a connect must not wait. */
const LONGEST_MS = 1;

/**
 * The lock as a file plus a name of this network namespace: a file alone can be locked twice, if it is removed or
 * hidden by another mount namespace. Any user may take the name, so only root's counts; another user's prevents
 * nothing.
 */
export function namespaceLock(path: string): WritersLock {
  const file = fileLock(path);
  return {
    take: (holder) => {
      const held = file.take(holder);
      try {
        const name = takeName(path);
        return {
          [Symbol.dispose]: () => {
            if (name !== undefined) closeDescriptor(name);
            held[Symbol.dispose]();
          },
        };
      } catch (error) {
        held[Symbol.dispose]();
        throw error;
      }
    },
    holder: () => file.holder() ?? nameHolder(),
  };
}

function takeName(path: string): number | undefined {
  try {
    return listenOnUnixSocket(NAME, MOST_ASKERS);
  } catch (error) {
    const other = hasErrno(error, "EADDRINUSE") ? nameHolder() : undefined;
    if (other !== undefined) throw lockedBy(other, path);
    return undefined;
  }
}

/** The pid is 0 for a process of another pid namespace: awg in a container that shares the host's network. */
function nameHolder(): LockingProcess | undefined {
  try {
    const listener = unixListener(NAME, LONGEST_MS);
    return listener?.uid === 0 ? lockingProcess({ pid: listener.pid }) : undefined;
  } catch {
    return undefined;
  }
}
