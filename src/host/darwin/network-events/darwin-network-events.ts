import { AwgError } from "../../../model/error.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { readUnsigned64 } from "../../../native/darwin/struct.codec.ts";
import { decodeTimeval } from "../../../native/darwin/timeval.codec.ts";
import type { NetworkEvent, NetworkEvents } from "../../ports/network-events.ts";
import { linkWriteCount, linkWritesAfter } from "../links/own-link-writes.ts";
import { classify, type Delta } from "./classify.ts";
import { RouteWatcher } from "./route-watcher.ts";
import { nextSleep, owing, type SleepReading, type SleepState } from "./wake.ts";

/** How often the routing socket is read: Node cannot wait for it, and this many times a second cost nothing. */
export const LOOK_MS = 250;
/** macOS drops messages that do not fit without saying so: then this is how long a change may go unheard. */
const RELOOK_MS = 60_000;
/** Any program's nonsense is heard by all who listen (route_output of bsd/net/rtsock.c): it is answered so often at most. */
const UNREAD_MS = 5_000;

export interface DarwinNetworkEventsDeps {
  readonly system: LibSystem;
  readonly clock: { readonly wallMs: () => number; readonly steadyMs: () => number };
  /** Calls every LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
  /** The program of a process, for people; undefined when it is gone. */
  readonly programOf: (pid: number) => string | undefined;
}

/**
 * Changes of a Mac's network, by its routing socket, and its sleep. Only what this process writes itself is not told. Bursts
 * are the listener's to gather. A Network Extension, which has NWPathMonitor instead, is to be another NetworkEvents:
 * nothing above this interface knows of a routing socket.
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
  readonly #tell: (event: NetworkEvent) => void;
  readonly #told = new Map<number, string>();
  /** How many of this process's writes to interfaces were looked past. */
  #ownLinks = linkWriteCount();
  readonly #watcher: RouteWatcher;
  #sleep: SleepState;
  #relookAtMs: number;
  #isDeaf = false;
  /** A message that could not be read and was not answered yet. */
  #unread: AwgError | undefined;
  #answerAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: DarwinNetworkEventsDeps, tell: (event: NetworkEvent) => void) {
    this.#deps = deps;
    this.#tell = tell;
    this.#watcher = new RouteWatcher(deps.system);
    this.#sleep = { reading: readSleep(deps) };
    this.#relookAtMs = deps.clock.steadyMs() + RELOOK_MS;
  }

  /** Tells what happened since the last look. */
  look(): void {
    const { clock } = this.#deps;
    const { state, wake } = nextSleep(this.#sleep, readSleep(this.#deps));
    this.#sleep = state;
    if (wake !== undefined) this.#tell(wake);
    this.#readMessages();
    this.#answerUnread();
    if (clock.steadyMs() < this.#relookAtMs) return;
    this.#relookAtMs = clock.steadyMs() + RELOOK_MS;
    this.#tell({ what: "a look in case messages were dropped", renumbered: false });
  }

  close(): void {
    this.#watcher.close();
  }

  /** A message that cannot be read is as lost as one that was dropped: everything is read afresh then. */
  #answerUnread(): void {
    const nowMs = this.#deps.clock.steadyMs();
    if (this.#unread === undefined || nowMs < this.#answerAtMs) return;
    this.#tellUnknown(`more than could be read (${this.#unread.message})`);
    this.#unread = undefined;
    this.#answerAtMs = nowMs + UNREAD_MS;
  }

  #readMessages(): void {
    try {
      const watcher = this.#watcher;
      const { frames, reopened, unread } = watcher.read();
      this.#unread ??= unread;
      if (reopened) this.#tellUnknown("the routing socket was opened again");
      const ownPid = this.#deps.system.getpid();
      // The kernel tells of a write before the call that made it returns.
      const ownLinks = linkWritesAfter(this.#ownLinks);
      this.#ownLinks = linkWriteCount();
      const nameOf = (index: number) => watcher.nameOf(index);
      const delta = classify(frames, { ownPid, ownLinks, nameOf, told: this.#told });
      for (const event of eventsOf(delta, this.#deps.programOf)) this.#tell(event);
      this.#isDeaf = false;
    } catch (error) {
      if (!(error instanceof AwgError)) throw error;
      // A socket that cannot be opened now is tried again at the next look; that is told once, and when it is there again.
      if (!this.#isDeaf) this.#tellUnknown(`more than could be read (${error.message})`);
      this.#isDeaf = true;
    }
  }

  /** Anything may have moved: tunnels begin anew, but not for each dark wake, which may take the socket away. */
  #tellUnknown(what: string): void {
    const later = owing(this.#sleep);
    this.#sleep = later ?? this.#sleep;
    this.#tell({ what, renumbered: later === undefined });
  }
}

/** One event for each sort of change, with who wrote the routes where it was one process. */
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
 * A kernel that does not tell when it slept leaves the clocks. It notes by its uptime when it woke, and when somebody came,
 * which no dark wake is (gIOLastWakeAbsTime and gUserActiveAbsTime of xnu's IOPMrootDomain.cpp; powerd takes the latter
 * for the end of a dark wake, too).
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
