import { setTimeout as sleep } from "node:timers/promises";
import { AwgError, messageOf } from "../model/error.ts";
import {
  type AdoptDevice,
  type EnsureEngine,
  type ExpectEngine,
  KEEPER_PROTOCOL_VERSION,
  type KeeperDevice,
  type KeeperRequest,
  type KeeperStatus,
  type OpenDevice,
} from "../model/keeper-protocol.ts";
import { hasErrno } from "../native/linux/errno.ts";
import { findEngines, findForeignEngine } from "./engines/orphan-engine.ts";
import { SpareEngines } from "./engines/spare-engines.ts";
import type { ExtractedSecrets } from "./extract-secrets.ts";
import { NameServiceProcess } from "./names/name-service.ts";
import { NftOwner } from "./nft-owner.ts";
import {
  adoptForeign,
  adoptOrphan,
  type DeviceContext,
  dropDevice,
  engineLog,
  newEngine,
  type OwnedDevice,
  openDevice,
  ourTunDevices,
  releaseDevice,
  stillExists,
} from "./owned-device.ts";
import { Relays } from "./relays/relays.ts";
import { namespaceHere, Watchdog } from "./watchdog.ts";

/** A keeper notices that its folder was removed within 250 ms; a stopped one when it is resumed. */
const LETTING_GO_MS = 1_000;
const CONTEST_LOOK_MS = 50;
const REST_MS = 5_000;

/** Holds devices, tables, engines and the watchdog of one network namespace, and executes requests one at a time. */
export class Keeper {
  readonly #around: DeviceContext;
  readonly #devices = new Map<string, OwnedDevice>();
  readonly #nft = new NftOwner();
  readonly #spares: SpareEngines;
  readonly #relays: Relays;
  readonly #watchdog: Watchdog;
  readonly #names: NameServiceProcess;
  readonly #restUntilMs = performance.now() + REST_MS;
  #tables: readonly string[] = [];
  #isContested = false;

  constructor(around: DeviceContext) {
    this.#spares = new SpareEngines(around.folder);
    this.#around = { ...around, spares: this.#spares };
    this.#names = new NameServiceProcess({ ...around, nft: this.#nft });
    this.#relays = new Relays(around);
    this.#watchdog = new Watchdog({ ...around, namespace: namespaceHere() });
  }

  /** Adopts what an earlier keeper held and the kernel kept. Failures are reported and skipped. */
  async adopt(): Promise<void> {
    await this.#attempt("adopting the firewall tables", async () => {
      // A keeper without its folder releases everything when it notices.
      for (let waitedMs = 0; this.#nft.isContested && waitedMs < LETTING_GO_MS; waitedMs += CONTEST_LOOK_MS)
        await sleep(CONTEST_LOOK_MS);
      this.#adoptTables();
    });
    await this.#attempt("starting the resolver", () => this.#names.adopt());
    await this.#attempt("resuming the watchdog", () => this.#watchdog.resume());
    await this.#attempt("adopting the relays", () => this.#relays.adopt());
    for (const orphan of findEngines()) {
      await this.#attempt(`adopting the engine of ${orphan.device}`, async () => {
        this.#devices.set(orphan.device, await adoptOrphan(orphan, this.#around));
      });
    }
    for (const { name, alias } of ourTunDevices()) {
      const engine = this.#devices.has(name) ? undefined : findForeignEngine(name);
      if (engine === undefined) continue;
      await this.#attempt(`adopting the engine of ${name} again`, () => {
        this.#devices.set(name, adoptForeign(engine, alias, this.#around));
      });
    }
  }

  keepRecords(): void {
    this.#watchdog.keep();
  }

  adoptRest(): void {
    if (!this.#isContested && performance.now() > this.#restUntilMs) return;
    if (this.#isContested) this.#adoptTables();
    if (this.#watchdog.isAtRest) this.#watchdog.resume();
  }

  #adoptTables(): void {
    this.#nft.adoptTables();
    this.#tables = this.#nft.ownedTables();
    this.#isContested = this.#nft.isContested;
  }

  async #attempt(what: string, act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#around.report(`${what} failed: ${messageOf(error)}`);
    }
  }

  /** Whether nothing would be lost or unprotected by ending this process. */
  get holdsNothing(): boolean {
    const held = this.#devices.size + this.#relays.states.length + this.#tables.length;
    return held === 0 && this.#names.isAtRest && this.#watchdog.isAtRest;
  }

  /** Processes of the engines and relays that run. */
  get enginePids(): readonly number[] {
    const engines = [...this.#devices.values()].flatMap(({ engine }) => engine?.state ?? []);
    return [...engines, ...this.#relays.states].flatMap(({ pid }) => pid || []);
  }

  get status(): KeeperStatus {
    const devices: KeeperDevice[] = [...this.#devices].map(([device, { engine }]) => ({
      device,
      ...(engine === undefined ? {} : { engine: engine.state }),
    }));
    const { deadlineMs } = this.#watchdog;
    const armed = deadlineMs === undefined ? {} : { watchdog: { deadlineMs } };
    const { state } = this.#names;
    const names = state === undefined ? {} : { names: state };
    const held = { devices, relays: this.#relays.states, tables: this.#tables };
    return { version: KEEPER_PROTOCOL_VERSION, pid: process.pid, ...held, ...names, ...armed };
  }

  /** Executes a request and returns the new status. `secrets`: the values of the request's placeholders. */
  async answer(request: KeeperRequest, secrets: ExtractedSecrets = []): Promise<KeeperStatus> {
    switch (request.request) {
      case "status":
        break;
      case "openDevice":
        await this.#openDevice(request);
        break;
      case "adoptDevice":
        this.#adoptDevice(request);
        break;
      case "releaseDevice":
        this.#releaseDevice(request.device);
        break;
      case "closeDevice":
        await this.#closeDevice(request.device);
        break;
      case "expectEngine":
        // After the answer: the sender should not wait for a process to start.
        setImmediate(() => this.#expectEngine(request));
        break;
      case "ensureEngine":
        await this.#ensureEngine(request, secrets);
        break;
      case "stopEngine":
        await this.#stopEngine(request.device);
        break;
      case "ensureRelay":
      case "stopRelay":
        await this.#relays.answer(request, secrets);
        break;
      case "nftTransaction": {
        const committed = this.#nft.commit(request);
        this.#tables = this.#nft.ownedTables();
        return { ...this.status, ...(committed === undefined ? {} : { committed }) };
      }
      case "ensureNames":
        await this.#names.ensure(request.service);
        break;
      case "stopNames":
        this.#names.stop();
        break;
      case "armWatchdog":
        this.#watchdog.arm(request.watch);
        break;
      case "disarmWatchdog":
        this.#watchdog.disarm();
        break;
      case "stop":
        this.#names.stop();
        for (const device of [...this.#devices.keys()]) await this.#closeDevice(device);
        await this.#relays.stopAll();
        break;
    }
    return this.status;
  }

  /** Releases everything as it is: devices persist, engines keep running, tables lose their owner. */
  release(): void {
    for (const { tun, engine } of this.#devices.values()) {
      engine?.release();
      tun[Symbol.dispose]();
    }
    this.#devices.clear();
    this.#relays.release();
    this.#spares[Symbol.dispose]();
    this.#names[Symbol.dispose]();
    this.#watchdog[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
  }

  async #openDevice({ device, alias }: OpenDevice): Promise<void> {
    const held = this.#devices.get(device);
    if (held !== undefined) {
      if (stillExists(held)) return;
      await held.engine?.stop();
      held.tun[Symbol.dispose]();
      this.#devices.delete(device);
    }
    try {
      this.#devices.set(device, openDevice(device, alias));
    } catch (error) {
      const orphan = hasErrno(error, "EBUSY") ? findEngines().find((engine) => engine.device === device) : undefined;
      if (orphan === undefined) throw error;
      this.#devices.set(device, await adoptOrphan(orphan, this.#around));
    }
  }

  #adoptDevice({ device, alias }: AdoptDevice): void {
    if (this.#devices.has(device)) return;
    const engine = findForeignEngine(device);
    if (engine === undefined) {
      throw new AwgError("conflict", `no engine that could be adopted holds ${device}`, {
        remedy: "stop the program that made it, or set another interface name for the tunnel",
      });
    }
    this.#devices.set(device, adoptForeign(engine, alias, this.#around));
  }

  #releaseDevice(device: string): void {
    const held = this.#devices.get(device);
    if (held === undefined) return;
    this.#devices.delete(device);
    releaseDevice(held);
    this.#keepStandby();
  }

  async #closeDevice(device: string): Promise<void> {
    this.#spares.end(device);
    const held = this.#devices.get(device);
    if (held === undefined) return;
    this.#devices.delete(device);
    this.#keepStandby();
    await dropDevice(held);
  }

  #expectEngine(expected: ExpectEngine): void {
    if (this.#devices.has(expected.device)) return;
    try {
      this.#spares.expect(expected, engineLog(this.#around, expected.device));
    } catch (error) {
      this.#around.report(`starting the engine of ${expected.device} in advance failed: ${messageOf(error)}`);
    }
  }

  async #ensureEngine(request: EnsureEngine, secrets: ExtractedSecrets): Promise<void> {
    const held = this.#devices.get(request.device);
    if (held === undefined) {
      throw new AwgError(
        "host",
        `the keeper does not hold the device ${request.device}, so it cannot start an engine on it`,
        {
          remedy: "apply again; the device is created before its engine",
        },
      );
    }
    const { engine: kind, protocol } = request;
    if (held.engine?.state.protocol !== protocol || held.engine.state.kind !== kind) {
      await held.engine?.stop();
      held.engine = undefined;
    }
    held.engine ??= newEngine(held, this.#around, { kind, protocol });
    await held.engine.ensure(request, secrets);
    this.#keepStandby(request);
  }

  async #stopEngine(device: string): Promise<void> {
    this.#spares.end(device);
    const held = this.#devices.get(device);
    await held?.engine?.stop();
    if (held !== undefined) held.engine = undefined;
    this.#keepStandby();
  }

  /** While an embedded engine runs, a spare of the last requested kind waits: tunnels resemble each other. */
  #keepStandby(asked?: EnsureEngine): void {
    const isAny = [...this.#devices.values()].some(({ engine }) => engine?.state.kind === "embedded");
    if (!isAny) this.#spares.keepReady(undefined);
    else if (asked?.engine === "embedded") this.#spares.keepReady(asked);
  }
}
