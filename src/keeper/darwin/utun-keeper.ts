import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { KEEPER_PROTOCOL_VERSION, type KeeperRequest, type KeeperStatus } from "../../model/keeper-protocol.ts";
import { tunnelOfDevice } from "../../model/spec/tunnel-key.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { openUtun, type Utun } from "../../native/darwin/link/utun.ts";
import { Watchdog } from "../watchdog.ts";

/** What a keeper on a Mac needs. */
export interface UtunKeeperDeps {
  readonly system: LibSystem;
  /** Its own folder, for what is armed. */
  readonly folder: string;
  /** Where the name of each tunnel's interface is written for wg and wg-quick: `<tunnel>.name`. */
  readonly nameFolder: string;
  readonly report: (line: string) => void;
}

/**
 * What outlives the other processes on a Mac: the descriptors of utun interfaces, which vanish with them, and the
 * watchdog. PF needs no owner there. When it dies its interfaces and their routes go, and PF drops what would leave.
 */
export class UtunKeeper {
  readonly #deps: UtunKeeperDeps;
  readonly #utuns = new Map<string, Utun>();
  readonly #watchdog: Watchdog;

  constructor(deps: UtunKeeperDeps) {
    this.#deps = deps;
    this.#watchdog = new Watchdog(deps);
  }

  /** Goes on with what an earlier keeper was armed with; its interfaces went with it. */
  adopt(): void {
    this.#watchdog.resume();
  }

  /** Whether there is anything that would be lost by ending this process. */
  get holdsNothing(): boolean {
    return this.#utuns.size === 0 && this.#watchdog.isAtRest;
  }

  get status(): KeeperStatus {
    const { deadlineMs } = this.#watchdog;
    return {
      version: KEEPER_PROTOCOL_VERSION,
      pid: process.pid,
      devices: [...this.#utuns.keys()].map((device) => ({ device })),
      tables: [],
      ...(deadlineMs === undefined ? {} : { watchdog: { deadlineMs } }),
    };
  }

  /** Does what is asked and gives the status afterwards. Throws AwgError("unsupported") for what only Linux has. */
  answer(request: KeeperRequest): KeeperStatus {
    switch (request.request) {
      case "status":
        break;
      case "openDevice":
        this.#open(request.device);
        break;
      case "closeDevice":
        this.#close(request.device);
        break;
      case "armWatchdog":
        this.#watchdog.arm(request.watch);
        break;
      case "disarmWatchdog":
        this.#watchdog.disarm();
        break;
      case "stop":
        for (const device of [...this.#utuns.keys()]) this.#close(device);
        break;
      default:
        throw new AwgError("unsupported", `the keeper cannot do "${request.request}" on macOS`);
    }
    return this.status;
  }

  /** Closes every interface; what is armed stays for the next keeper. */
  release(): void {
    for (const device of [...this.#utuns.keys()]) this.#close(device);
    this.#watchdog[Symbol.dispose]();
  }

  #open(device: string): void {
    if (this.#utuns.has(device)) return;
    const utun = openUtun(this.#deps.system);
    try {
      this.#writeName(device, utun.name);
    } catch (error) {
      utun[Symbol.dispose]();
      throw error;
    }
    this.#utuns.set(device, utun);
    this.#deps.report(`${device} is ${utun.name}`);
  }

  #close(device: string): void {
    const utun = this.#utuns.get(device);
    if (utun === undefined) return;
    this.#utuns.delete(device);
    rmSync(this.#namePath(device), { force: true });
    utun[Symbol.dispose]();
  }

  /** Whole or not at all, so that a reader never sees half a name. */
  #writeName(device: string, name: string): void {
    const { nameFolder } = this.#deps;
    if (mkdirSync(nameFolder, { recursive: true }) !== undefined) chmodSync(nameFolder, 0o755);
    const path = this.#namePath(device);
    writeFileSync(`${path}.new`, `${name}\n`, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  }

  #namePath(device: string): string {
    return `${this.#deps.nameFolder}/${tunnelOfDevice(device)}.name`;
  }
}
