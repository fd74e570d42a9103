import { AwgError } from "../../../model/error.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { readUnsigned64 } from "../../../native/darwin/struct.codec.ts";
import { decodeTimeval } from "../../../native/darwin/timeval.codec.ts";
import type { NetworkEvent, NetworkEvents } from "../../ports/network-events.ts";
import { linkWriteCount, linkWritesAfter } from "../links/own-link-writes.ts";
import { classify, type Delta } from "./classify.ts";
import { RouteWatcher } from "./route-watcher.ts";
import { nextSleep, type SleepReading, type SleepState, withReconnect } from "./wake.ts";

/** Interval for reading the routing socket: Node cannot wait for it, and this rate costs nothing. */
export const LOOK_MS = 250;
/** macOS drops messages silently when the buffer is full: everything is read again after this time. */
const RELOOK_MS = 60_000;
/**
 * Invalid messages of any program reach all listeners (route_output of bsd/net/rtsock.c); they are handled at most this
 * often.
 */
const UNREAD_MS = 5_000;

export interface DarwinNetworkEventsDeps {
  readonly system: LibSystem;
  readonly clock: { readonly wallMs: () => number; readonly steadyMs: () => number };
  /** Calls every LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
  /** The program of a process, for people; undefined after it ended. */
  readonly programOf: (pid: number) => string | undefined;
}

/**
 * Changes of a Mac's network, by its routing socket, and its sleep. Only this process's own writes are left out. The
 * listener merges bursts. A Network Extension, which has NWPathMonitor instead, needs another implementation of
 * NetworkEvents; the callers do not depend on the routing socket.
 */
export function darwinNetworkEvents(deps: DarwinNetworkEventsDeps): NetworkEvents {
  return {
    watch(onEvent) {
      const watching = new Watching(deps, onEvent);
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

class Watching {
  readonly #deps: DarwinNetworkEventsDeps;
  readonly #emit: (event: NetworkEvent) => void;
  readonly #lastStates = new Map<number, string>();
  /** This process's interface writes up to the last check. */
  #ownLinks = linkWriteCount();
  readonly #watcher: RouteWatcher;
  #sleep: SleepState;
  #relookAtMs: number;
  #isDeaf = false;
  /** An unreadable message that was not handled yet. */
  #unread: AwgError | undefined;
  #answerAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: DarwinNetworkEventsDeps, emit: (event: NetworkEvent) => void) {
    this.#deps = deps;
    this.#emit = emit;
    this.#watcher = new RouteWatcher(deps.system);
    this.#sleep = { reading: readSleep(deps) };
    this.#relookAtMs = deps.clock.steadyMs() + RELOOK_MS;
  }

  /** Reports what happened since the last check. */
  look(): void {
    const { clock } = this.#deps;
    const { state, wake } = nextSleep(this.#sleep, readSleep(this.#deps));
    this.#sleep = state;
    if (wake !== undefined) this.#emit(wake);
    this.#readMessages();
    this.#answerUnread();
    if (clock.steadyMs() < this.#relookAtMs) return;
    this.#relookAtMs = clock.steadyMs() + RELOOK_MS;
    this.#emit({ what: "periodic check for dropped messages", renumbered: false });
  }

  close(): void {
    this.#watcher.close();
  }

  /** An unreadable message counts as lost, like a dropped one: everything is read again. */
  #answerUnread(): void {
    const nowMs = this.#deps.clock.steadyMs();
    if (this.#unread === undefined || nowMs < this.#answerAtMs) return;
    this.#emitUnknown(`lost kernel events (${this.#unread.message})`);
    this.#unread = undefined;
    this.#answerAtMs = nowMs + UNREAD_MS;
  }

  #readMessages(): void {
    try {
      const watcher = this.#watcher;
      const { frames, reopened, unread } = watcher.read();
      this.#unread ??= unread;
      if (reopened) this.#emitUnknown("the routing socket was opened again");
      const ownPid = this.#deps.system.getpid();
      // The kernel reports a write before its call returns.
      const ownLinks = linkWritesAfter(this.#ownLinks);
      this.#ownLinks = linkWriteCount();
      const nameOf = (index: number) => watcher.nameOf(index);
      const delta = classify(frames, { ownPid, ownLinks, nameOf, lastStates: this.#lastStates });
      for (const event of eventsOf(delta, this.#deps.programOf)) this.#emit(event);
      this.#isDeaf = false;
    } catch (error) {
      if (!(error instanceof AwgError)) throw error;
      // If the socket cannot be opened, the next check tries again; failure and recovery are reported once.
      if (!this.#isDeaf) this.#emitUnknown(`lost kernel events (${error.message})`);
      this.#isDeaf = true;
    }
  }

  /** Anything may have changed, so tunnels reconnect; but not on each dark wake, which may close the socket. */
  #emitUnknown(what: string): void {
    const later = withReconnect(this.#sleep);
    this.#sleep = later ?? this.#sleep;
    this.#emit({ what, renumbered: later === undefined });
  }
}

/** One event per kind of change, with the writer of the routes if it was one process. */
function eventsOf(delta: Delta, programOf: (pid: number) => string | undefined): NetworkEvent[] {
  const [pid, ...others] = [...delta.writers];
  const program = pid === undefined || others.length > 0 ? undefined : programOf(pid);
  const by = {
    ...(pid === undefined || program === undefined ? {} : { by: { pid, program } }),
    ...(delta.isOurs ? ({ isOurs: true } as const) : {}),
  };
  return [
    ...(delta.primaryService ? [{ what: "primary service", renumbered: true, ...by }] : []),
    ...(delta.defaultRoute ? [{ what: "default route", renumbered: delta.renumbered, ...by }] : []),
    ...(delta.routes ? [{ what: "routes", renumbered: false, ...by }] : []),
    ...(delta.addresses ? [{ what: "addresses", renumbered: delta.renumbered }] : []),
    ...(delta.devices ? [{ what: "devices", renumbered: false }] : []),
  ];
}

/**
 * Without sleep times only the clocks are used. The kernel records by its uptime when it woke, and when a user became
 * active, which no dark wake causes (gIOLastWakeAbsTime and gUserActiveAbsTime of xnu's IOPMrootDomain.cpp; powerd uses
 * the latter as the end of a dark wake).
 */
function readSleep({ system, clock }: DarwinNetworkEventsDeps): SleepReading {
  const read = <T>(name: string, bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined => {
    const { value, length } = system.sysctlByName(name, bytes);
    return value === -1 || length < bytes.length ? undefined : decode(bytes);
  };
  const timeMs = (name: string) => read(name, new Uint8Array(16), decodeTimeval) ?? 0;
  const ticks = (name: string) => read(name, new Uint8Array(8), (bytes) => readUnsigned64(bytes, 0, [0, 8])) ?? 0n;
  const wokeAtTicks = ticks("kern.wake_abs_time");
  return {
    sleptAtMs: timeMs("kern.sleeptime"),
    wokeAtMs: timeMs("kern.waketime"),
    isUserBack: wokeAtTicks > 0n && ticks("kern.useractive_abs_time") >= wokeAtTicks,
    wallMs: clock.wallMs(),
    steadyMs: clock.steadyMs(),
  };
}
