import type { ExpectEngine } from "../../model/keeper-protocol.ts";
import { closeDescriptor } from "../../native/linux/libc.ffi.ts";
import { type EngineChild, type EngineLaunch, handOver, type SpareEngine, startSpareEngine } from "./engine-program.ts";

/** How many can load in parallel to the apply that waits for them. */
const MOST = 2;
/** An announced engine is normally requested within a fraction of a second. */
const WAIT_MS = 10_000;
/** Delay, so that an apply and its first packets have the processor to themselves. */
const STANDBY_AFTER_MS = 5_000;
/** A waiting spare takes 38 MB of its own memory (measured); a host with little memory does without. */
const LEAST_AVAILABLE_BYTES = 512 * 1024 * 1024;
/** Used instead of a device's name. */
const STANDBY = "standby";

/** The properties of an engine other than its device. */
export type EngineMake = Pick<ExpectEngine, "engine" | "protocol" | "user">;

interface Waiting extends SpareEngine {
  readonly make: EngineMake;
  readonly timer?: NodeJS.Timeout;
}

/**
 * Embedded engines that load in advance, so that neither an apply nor a tunnel whose engine died waits for a process to
 * start: one for each announced device, and one on standby for the next.
 */
export class SpareEngines implements Disposable {
  readonly #waiting = new Map<string, Waiting>();
  readonly #folder: string;
  #wanted: EngineMake | undefined;
  #standby: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param folder for the log of the spare on standby */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts one for a device, unless enough are waiting; external engines start fast enough. */
  expect({ device, ...make }: ExpectEngine, logPath: string): void {
    if (make.engine !== "embedded" || this.#waiting.has(device) || this.#waiting.size >= MOST) return;
    const spare = this.#takeStandby(make) ?? startSpare(device, make, logPath);
    const timer = setTimeout(() => this.end(device), WAIT_MS).unref();
    this.#waiting.set(device, { ...spare, make, timer });
  }

  /** Keeps one of this kind ready for the next device; undefined: none. */
  keepReady(make: EngineMake | undefined): void {
    this.#wanted = make;
    const { make: ready } = this.#standby ?? {};
    if (ready !== undefined && (make === undefined || !isSame(ready, make))) this.#endStandby();
    if (make === undefined) this.#cancel();
    else this.#plan();
  }

  /** Turns a spare into the engine of this launch; undefined where none matches, or it has ended. */
  take(launch: EngineLaunch): EngineChild | undefined {
    const make = { engine: launch.kind, protocol: launch.protocol, user: launch.user };
    const expected = this.#waiting.get(launch.device);
    const fits = expected !== undefined && isSame(expected.make, make);
    const spare = fits ? expected : this.#takeStandby(make);
    if (spare === undefined) return undefined;
    if (fits) this.#waiting.delete(launch.device);
    clearTimeout(spare.timer);
    try {
      return handOver(spare, launch);
    } catch {
      spare.child.kill("SIGKILL");
      return undefined;
    }
  }

  /** Ends the spare of a device. */
  end(device: string): void {
    const waiting = this.#waiting.get(device);
    if (waiting === undefined) return;
    this.#waiting.delete(device);
    clearTimeout(waiting.timer);
    endSpare(waiting);
  }

  /** Ends all spares. */
  [Symbol.dispose](): void {
    this.keepReady(undefined);
    for (const device of [...this.#waiting.keys()]) this.end(device);
  }

  #takeStandby(make: EngineMake): Waiting | undefined {
    const standby = this.#standby;
    if (standby === undefined || !isSame(standby.make, make)) return undefined;
    this.#standby = undefined;
    this.#plan();
    return standby;
  }

  #plan(): void {
    if (this.#standby !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#startStandby(), STANDBY_AFTER_MS).unref();
  }

  #startStandby(): void {
    this.#timer = undefined;
    if (this.#wanted === undefined || process.availableMemory() < LEAST_AVAILABLE_BYTES) return;
    this.#standby = startSpare(STANDBY, this.#wanted, `${this.#folder}/engine-${STANDBY}.log`);
  }

  #endStandby(): void {
    if (this.#standby !== undefined) endSpare(this.#standby);
    this.#standby = undefined;
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function startSpare(device: string, make: EngineMake, logPath: string): Waiting {
  const { engine: kind, protocol, user } = make;
  const spare = startSpareEngine({ device, kind, protocol, user, logPath });
  spare.child.unref();
  return { ...spare, make };
}

function endSpare({ child, socketFd }: Waiting): void {
  closeDescriptor(socketFd);
  child.kill("SIGKILL");
}

function isSame(one: EngineMake, other: EngineMake): boolean {
  return one.engine === other.engine && one.protocol === other.protocol && one.user.uid === other.user.uid;
}
