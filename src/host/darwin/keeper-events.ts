import { checkedCall } from "../../native/darwin/calls.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import {
  decodeProcessEvents,
  encodeProcessWatch,
  KEVENT_BYTES,
} from "../../native/darwin/process/process-event.codec.ts";
import type { NetworkEvents } from "../ports/network-events.ts";

/** How often the kernel queue is asked, and a keeper looked for while none is known. */
export const KEEPER_LOOK_MS = 500;
/** Events taken at once. */
const EVENTS = 8;
/** What a queue says of a process that is gone. */
const ESRCH = 3;

export interface KeeperEventsDeps {
  readonly system: LibSystem;
  /** The keeper that answers; undefined while none runs. Starts none. */
  readonly status: () => Promise<{ readonly pid: number } | undefined>;
  /** Calls every KEEPER_LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
}

/**
 * Tells that the keeper of a Mac ended, within half a second: interfaces without an engine go with it, which the routing
 * socket tells, but those whose engines run on stay, and nobody restarts these any more. The kernel queue says it of the very
 * process, whoever gets its number afterwards (EVFILT_PROC, NOTE_EXIT).
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
    this.#queue = checkedCall("making a kernel queue", deps.system.kqueue());
  }

  look(): void {
    if (this.#pid !== undefined) this.#take(new Uint8Array(0));
    else if (!this.#isAsking) void this.#find();
  }

  close(): void {
    if (this.#queue !== undefined) this.#deps.system.close(this.#queue);
    this.#queue = undefined;
  }

  /** One that starts or ends just now does not answer; it is asked again at the next look. */
  async #find(): Promise<void> {
    this.#isAsking = true;
    const found = await this.#deps.status().catch(() => undefined);
    this.#isAsking = false;
    if (found === undefined || this.#queue === undefined) return;
    this.#pid = found.pid;
    this.#take(encodeProcessWatch([found.pid]));
  }

  /** Also what ended between its answer and the watch is told. */
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
