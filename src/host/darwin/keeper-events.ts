import { checkedCall } from "../../native/darwin/calls.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import {
  decodeProcessEvents,
  encodeProcessWatch,
  KEVENT_BYTES,
} from "../../native/darwin/process/process-event.codec.ts";
import type { NetworkEvents } from "../ports/network-events.ts";

/** Interval for reading the kernel queue, and for looking for a keeper while none is known. */
export const KEEPER_LOOK_MS = 500;
/** Events per read. */
const EVENTS = 8;
/** The queue's error for a process that is gone. */
const ESRCH = 3;

export interface KeeperEventsDeps {
  readonly system: LibSystem;
  /** The running keeper; undefined without one. Starts none. */
  readonly status: () => Promise<{ readonly pid: number } | undefined>;
  /** Calls every KEEPER_LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
}

/**
 * Reports within half a second that the keeper of a Mac ended. Interfaces without an engine disappear with it, which
 * the routing socket reports; interfaces of running engines stay, but their engines are no longer restarted. The kernel
 * queue watches the process itself, so pid reuse does not matter (EVFILT_PROC, NOTE_EXIT).
 */
export function keeperEvents(deps: KeeperEventsDeps): NetworkEvents {
  return {
    watch(onEvent) {
      const watching = new KeeperWatch(deps, () => onEvent({ what: "the keeper ended", renumbered: false }));
      const timer = deps.every(() => watching.look());
      return {
        async [Symbol.asyncDispose]() {
          timer[Symbol.dispose]();
          watching.close();
        },
      };
    },
  };
}

class KeeperWatch {
  readonly #deps: KeeperEventsDeps;
  readonly #onEnd: () => void;
  readonly #buffer = new Uint8Array(EVENTS * KEVENT_BYTES);
  #queue: number | undefined;
  #pid: number | undefined;
  #isAsking = false;

  constructor(deps: KeeperEventsDeps, onEnd: () => void) {
    this.#deps = deps;
    this.#onEnd = onEnd;
    this.#queue = checkedCall("opening a kernel queue", deps.system.kqueue());
  }

  look(): void {
    if (this.#pid !== undefined) this.#take(new Uint8Array(0));
    else if (!this.#isAsking) void this.#find();
  }

  close(): void {
    if (this.#queue !== undefined) this.#deps.system.close(this.#queue);
    this.#queue = undefined;
  }

  /** A keeper that is just starting or exiting does not answer; the next check asks again. */
  async #find(): Promise<void> {
    this.#isAsking = true;
    const found = await this.#deps.status().catch(() => undefined);
    this.#isAsking = false;
    if (found === undefined || this.#queue === undefined) return;
    this.#pid = found.pid;
    this.#take(encodeProcessWatch([found.pid]));
  }

  /** Also reports an exit between its answer and the watch. */
  #take(changes: Uint8Array): void {
    if (this.#queue === undefined) return;
    const { value, errno } = this.#deps.system.kevent(this.#queue, changes, this.#buffer, 0);
    const events = value > 0 ? decodeProcessEvents(this.#buffer, value) : [];
    const isGone = (value === -1 && errno === ESRCH) || events.some((one) => one.exited || one.errno === ESRCH);
    if (!isGone || this.#pid === undefined) return;
    this.#pid = undefined;
    this.#onEnd();
  }
}
