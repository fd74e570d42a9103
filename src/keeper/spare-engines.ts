import type { ExpectEngine } from "../model/keeper-protocol.ts";
import { closeDescriptor } from "../native/linux/libc.ffi.ts";
import { type EngineChild, type EngineLaunch, handOver, type SpareEngine, startSpareEngine } from "./engine-program.ts";

/** As many as can load at once beside the apply that waits for them. */
const MOST = 2;
/** From the word that an engine is coming until it is asked for an apply takes a fraction of a second. */
const WAIT_MS = 10_000;

interface Waiting extends SpareEngine {
  readonly expected: ExpectEngine;
  readonly timer: NodeJS.Timeout;
}

/** Embedded engines that load ahead of being asked for, so that an apply need not wait for the start of a process. */
export class SpareEngines implements Disposable {
  readonly #waiting = new Map<string, Waiting>();

  /** Starts one, unless enough wait already; external engines start fast enough. */
  expect(expected: ExpectEngine, logPath: string): void {
    const { device, engine: kind, protocol, user } = expected;
    if (kind !== "embedded" || this.#waiting.has(device) || this.#waiting.size >= MOST) return;
    const spare = startSpareEngine({ device, kind, protocol, user, logPath });
    spare.child.unref();
    const timer = setTimeout(() => this.end(device), WAIT_MS).unref();
    this.#waiting.set(device, { ...spare, expected, timer });
  }

  /** Makes the spare of this launch its engine; undefined where none fits, or it has ended. */
  take(launch: EngineLaunch): EngineChild | undefined {
    const waiting = this.#waiting.get(launch.device);
    if (waiting === undefined) return undefined;
    const { engine, protocol, user } = waiting.expected;
    if (engine !== launch.kind || protocol !== launch.protocol || user.uid !== launch.user.uid) return undefined;
    this.#waiting.delete(launch.device);
    clearTimeout(waiting.timer);
    try {
      return handOver(waiting, launch);
    } catch {
      waiting.child.kill("SIGKILL");
      return undefined;
    }
  }

  /** Ends the one of a device, where one waits. */
  end(device: string): void {
    const waiting = this.#waiting.get(device);
    if (waiting === undefined) return;
    this.#waiting.delete(device);
    clearTimeout(waiting.timer);
    closeDescriptor(waiting.socketFd);
    waiting.child.kill("SIGKILL");
  }

  /** Ends all that wait. */
  [Symbol.dispose](): void {
    for (const device of [...this.#waiting.keys()]) this.end(device);
  }
}
