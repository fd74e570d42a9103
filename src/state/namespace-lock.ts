import { hasErrno } from "../native/linux/errno.ts";
import { closeDescriptor } from "../native/linux/libc.ffi.ts";
import { listenOnUnixSocket, unixListener } from "../native/linux/process/unix-exchange.ffi.ts";
import { type LockingProcess, lockedBy, lockingProcess } from "./lock.ts";
import { fileLock, type WritersLock } from "./lock-holder.ts";

/** A name without a file (unix(7), abstract): each network namespace has its own, and it goes with who has it. */
const NAME = "\0awg/lock";
/** Each who asks waits in the queue for as long as the lock is held: nobody hears them. */
const MOST_ASKERS = 4096;
/** A full queue is another user's doing; to wait in it would be his to decide. */
const LONGEST_MS = 1;

/**
 * The lock as a file, and a name of this network namespace besides: a file that somebody removes, or that another mount
 * namespace does not show, can be held twice. Anybody may take the name, so only root's counts: another user's keeps nobody from
 * the lock.
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

/** Its pid is 0 where another pid namespace hides it: a container's awg that shares the machine's network. */
function nameHolder(): LockingProcess | undefined {
  try {
    const listener = unixListener(NAME, LONGEST_MS);
    return listener?.uid === 0 ? lockingProcess({ pid: listener.pid }) : undefined;
  } catch {
    return undefined;
  }
}
