import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import {
  type EnsureEngine,
  KEEPER_PROTOCOL_VERSION,
  type KeeperRequest,
  type KeeperStatus,
  type OpenDevice,
} from "../../model/keeper-protocol.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { mtuOfInterface, setMtu } from "../../native/darwin/link/mtu.ts";
import { openUtun, type Utun } from "../../native/darwin/link/utun.ts";
import { pruneEngineLogs } from "../engines/engine-logs.ts";
import type { ExtractedSecrets } from "../extract-secrets.ts";
import { Watchdog } from "../watchdog.ts";
import { type LaunchEngine, launchEngine } from "./engine-launch.ts";
import { endOrphanEngines } from "./engine-record.ts";
import { UtunEngine } from "./utun-engine.ts";

/** The dependencies of a keeper on a Mac. */
export interface UtunKeeperDeps {
  readonly system: LibSystem;
  /** Its folder, for the armed watchdog. */
  readonly folder: string;
  /** The folder for each tunnel's interface name, for wg and wg-quick: `<tunnel>.name`. */
  readonly nameFolder: string;
  readonly report: (line: string) => void;
  /** How to start an engine; by default the installed program. */
  readonly launch?: LaunchEngine;
  /** Folder used instead of /. */
  readonly root?: string;
}

interface Held {
  readonly utun: Utun;
  readonly unit: number | undefined;
  engine: UtunEngine | undefined;
}

/**
 * Holds what outlives the other processes on a Mac: the descriptors of utun interfaces, which disappear with them, and
 * the watchdog. PF needs no owner. An engine shares its interface's descriptor and ends with the keeper's next start.
 * After a keeper's death everything is created again, while PF drops traffic.
 */
export class UtunKeeper {
  readonly #deps: UtunKeeperDeps;
  readonly #held = new Map<string, Held>();
  readonly #watchdog: Watchdog;

  constructor(deps: UtunKeeperDeps) {
    this.#deps = deps;
    this.#watchdog = new Watchdog(deps);
  }

  /**
   * Resumes an earlier keeper's watchdog. Its interfaces are gone, except those of orphaned engines, which are ended by
   * removing their sockets, as wg-quick does.
   */
  adopt(): void {
    this.#watchdog.resume();
    endOrphanEngines(this.#deps.folder);
  }

  keepRecords(): void {
    this.#watchdog.keep();
  }

  adoptRest(): void {
    if (this.#watchdog.isAtRest) this.#watchdog.resume();
  }

  /** Whether nothing would be lost by ending this process. */
  get holdsNothing(): boolean {
    return this.#held.size === 0 && this.#watchdog.isAtRest;
  }

  get status(): KeeperStatus {
    const { deadlineMs } = this.#watchdog;
    return {
      version: KEEPER_PROTOCOL_VERSION,
      pid: process.pid,
      devices: [...this.#held].map(([device, { engine, unit }]) => ({
        device,
        ...(unit === undefined ? {} : { unit }),
        ...(engine === undefined ? {} : { engine: engine.state }),
      })),
      tables: [],
      ...(deadlineMs === undefined ? {} : { watchdog: { deadlineMs } }),
    };
  }

  /** Executes a request and returns the new status. Throws AwgError("unsupported") for requests of Linux only. */
  async answer(request: KeeperRequest, secrets: ExtractedSecrets = []): Promise<KeeperStatus> {
    switch (request.request) {
      case "status":
        break;
      case "openDevice":
        this.#open(request);
        break;
      case "closeDevice":
        await this.#close(request.device);
        break;
      case "ensureEngine":
        await this.#ensureEngine(request, secrets);
        break;
      case "stopEngine":
        await this.#stopEngine(request.device);
        break;
      case "armWatchdog":
        this.#watchdog.arm(request.watch);
        break;
      case "disarmWatchdog":
        this.#watchdog.disarm();
        break;
      case "stop":
        await this.#closeAll();
        break;
      default:
        throw new AwgError("unsupported", `the keeper cannot do "${request.request}" on macOS`);
    }
    return this.status;
  }

  /** Ends engines and closes every interface; the watchdog's file stays for the next keeper. */
  async release(): Promise<void> {
    await this.#closeAll();
    this.#watchdog[Symbol.dispose]();
  }

  async #closeAll(): Promise<void> {
    for (const device of [...this.#held.keys()]) await this.#close(device);
  }

  async #ensureEngine(request: EnsureEngine, secrets: ExtractedSecrets): Promise<void> {
    const held = this.#held.get(request.device);
    if (held === undefined) {
      throw new AwgError("host", `the keeper does not hold ${request.device}, so it cannot start an engine on it`, {
        remedy: "apply again; the device is created before its engine",
      });
    }
    if (held.engine?.protocol !== request.protocol || held.engine.kind !== request.engine) {
      await this.#stopEngine(request.device);
      held.engine = this.#newEngine(request, held.utun);
    }
    await held.engine?.ensure(request, secrets);
  }

  #newEngine({ device, protocol, engine: kind }: EnsureEngine, { name, fd }: Utun): UtunEngine {
    const { system, folder, report, launch = launchEngine, root = "/" } = this.#deps;
    const keepMtu = async <T>(act: () => Promise<T>): Promise<T> => {
      const mtuBytes = mtuOfInterface(system, name);
      const result = await act();
      if (mtuBytes !== undefined && mtuOfInterface(system, name) !== mtuBytes) setMtu(system, name, mtuBytes);
      return result;
    };
    pruneEngineLogs(folder, (device) => this.#held.has(device));
    const files = { logPath: `${folder}/engine-${device}.log`, recordPath: `${folder}/${device}.engine` };
    return new UtunEngine({ kind, name, tunFd: fd, ...files, root, launch, keepMtu, report }, protocol);
  }

  async #stopEngine(device: string): Promise<void> {
    const held = this.#held.get(device);
    const engine = held?.engine;
    if (held !== undefined) held.engine = undefined;
    await engine?.stop();
  }

  #open({ device, unit }: OpenDevice): void {
    if (this.#held.has(device)) return;
    const utun = openUtun(this.#deps.system, unit);
    try {
      this.#writeName(device, utun.name);
    } catch (error) {
      utun[Symbol.dispose]();
      throw error;
    }
    this.#held.set(device, { utun, unit, engine: undefined });
    this.#deps.report(`${device} is ${utun.name}`);
  }

  async #close(device: string): Promise<void> {
    const held = this.#held.get(device);
    if (held === undefined) return;
    await this.#stopEngine(device);
    this.#held.delete(device);
    rmSync(this.#namePath(device), { force: true });
    held.utun[Symbol.dispose]();
  }

  /** Replaces the file whole, so that a reader never sees half a name. */
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
