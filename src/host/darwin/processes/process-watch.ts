import { checkedCall } from "../../../native/darwin/calls.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import {
  decodeProcessEvents,
  encodeProcessWatch,
  KEVENT_BYTES,
} from "../../../native/darwin/process/process-event.codec.ts";
import type { ProcessEvent } from "../../ports/processes.ts";
import type { ProcessTable } from "./process-table.ts";

/** Events per read. */
const EVENTS = 64;
/** The queue's error for a process that is gone. */
const ESRCH = 3;

/** Calls repeatedly until disposed; by Node's timers, or a test. */
export type Every = (onDue: () => void) => Disposable;

/**
 * Reports exec and exit by a kernel queue. macOS reports only watched processes and not their children (NOTE_TRACK is
 * not supported), so each check also lists new processes: one that starts and ends between two checks is missed.
 *
 * @throws AwgError when no kernel queue can be opened.
 */
export function watchProcesses(
  system: LibSystem,
  table: ProcessTable,
  every: Every,
  onEvent: (event: ProcessEvent) => void,
): AsyncDisposable {
  const queue = checkedCall("opening a kernel queue", system.kqueue());
  const watched = new Set<number>();
  const buffer = new Uint8Array(EVENTS * KEVENT_BYTES);
  const end = (pid: number) => {
    if (watched.delete(pid)) onEvent({ what: "ended", pid });
  };
  const take = (changes: Uint8Array): number => {
    const { value, errno } = system.kevent(queue, changes, buffer, 0);
    if (value === -1) return errno === ESRCH ? 0 : checkedCall("watching processes", { value, errno });
    for (const event of decodeProcessEvents(buffer, value)) {
      if (event.executed) onEvent({ what: "started", pid: event.pid });
      if (event.exited || event.errno === ESRCH) end(event.pid);
    }
    return value;
  };
  const look = (isFirst: boolean) => {
    while (take(new Uint8Array(0)) === EVENTS);
    const pids = new Set(table.pids());
    for (const pid of [...watched]) if (!pids.has(pid)) end(pid);
    for (const pid of pids) {
      if (watched.has(pid)) continue;
      watched.add(pid);
      if (!isFirst) onEvent({ what: "started", pid });
      take(encodeProcessWatch([pid]));
    }
  };
  look(true);
  const stack = new DisposableStack();
  // Close once: the descriptor number is reused after that.
  stack.defer(() => system.close(queue));
  stack.use(every(() => look(false)));
  return {
    async [Symbol.asyncDispose]() {
      stack.dispose();
    },
  };
}
