import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunCommand } from "../../src/host/darwin/command.ts";
import { darwinHost } from "../../src/host/darwin/darwin-host.ts";
import type { EngineHolder } from "../../src/host/darwin/engines.ts";
import type { UtunHolder } from "../../src/host/darwin/links/utun-holder.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { EnsureEngine } from "../../src/model/keeper-protocol.ts";
import type { SecretId } from "../../src/model/secret.ts";
import type { SecretStore } from "../../src/model/secret-store.ts";
import type { LibSystem } from "../../src/native/darwin/libsystem.ts";
import { FakeEngine } from "../host/darwin/fake/fake-engine.ts";
import { FakeLibSystem } from "../host/darwin/fake/fake-libsystem.ts";
import { addressOf, type FakeMachine, macBook, prefixOf, ROUTE_FLAG } from "../host/darwin/fake/machine.ts";
import { FakePrograms } from "../host/darwin/fake/programs/fake-programs.ts";
import { HeldUtuns } from "../host/darwin/links/held-utuns.ts";
import { PROTOCOLS, SERVICES } from "../host/darwin/pf/pf-names.ts";
import type { ContractWorld } from "./contract-world.ts";

/** The doubles that one process stands on. */
interface Borders {
  readonly system: FakeLibSystem;
  readonly programs: FakePrograms;
}

/** What stands between awg and the doubles: a mutant changes what passes. */
export interface Bend {
  readonly system?: (real: LibSystem) => LibSystem;
  readonly run?: (real: RunCommand) => RunCommand;
  /** Where secrets lie, in place of a map of the world's own; given the world's folder. */
  readonly secrets?: (root: string) => SecretStore;
}

/** A Mac that is a double at its two borders; everything between them is awg's own code. */
export class DarwinWorld implements Disposable {
  readonly machine: FakeMachine = macBook();
  readonly root = mkdtempSync(join(tmpdir(), "awg-mac-"));
  readonly borders: Borders;
  readonly holder: UtunHolder & EngineHolder;
  readonly #engines = new Map<string, FakeEngine>();
  readonly #stored = new Map<SecretId, Uint8Array>();
  readonly #bend: Bend;

  constructor(bend: Bend = {}) {
    this.#bend = bend;
    for (const folder of ["etc", "Library/LaunchDaemons", "usr/local/bin"])
      mkdirSync(join(this.root, folder), { recursive: true });
    writeFileSync(join(this.root, "usr/local/bin/wireguard-go"), "", { mode: 0o755 });
    writeFileSync(join(this.root, "etc/protocols"), [...PROTOCOLS].map(([name, one]) => `${name}\t${one}\n`).join(""));
    const services = [...SERVICES].flatMap(([name, port]) => [`${name}\t${port}/tcp\n`, `${name}\t${port}/udp\n`]);
    writeFileSync(join(this.root, "etc/services"), services.join(""));
    this.borders = this.#process(4242, 0);
    this.holder = this.#holder(this.#systemOf(this.borders));
  }

  /** The contract's machine, through a process of root's. */
  contract(): ContractWorld {
    const { machine } = this;
    return {
      kind: "darwin",
      host: this.host(this.borders),
      uplink: "en0",
      loopback: "lo0",
      device: "awg-one",
      secrets: {
        privateKey: this.#store(Uint8Array.from({ length: 32 }, (_, at) => (at === 31 ? 0x40 : 8 * (at + 1)) & 0xff)),
        presharedKey: this.#store(new Uint8Array(32).fill(7)),
      },
      second: () => this.host(this.#process(4243, 0)),
      asViewer: (use) => use(this.host(this.#process(4300, 501))),
      others: {
        addDevice: (name) => void machine.addInterface(name, 1, 0x8051, 1500),
        addRoute: (_table, destination) => addStrangersRoute(machine, destination),
        addRule: () => {
          throw new Error("macOS has no policy rules");
        },
        removeDevice: (name) => machine.removeInterface(name),
        readResolver: () => "",
        writeResolver: () => undefined,
      },
    };
  }

  host(borders: Borders): Host {
    const { run } = borders.programs;
    return darwinHost({
      system: this.#systemOf(borders),
      run: this.#bend.run?.(run) ?? run,
      holder: this.holder,
      secrets: this.#bend.secrets?.(this.root) ?? {
        idOf: (bytes) => this.#store(bytes),
        bytesOf: (id) => this.#bytesOf(id),
      },
      runDir: join(this.root, "run"),
      stateDir: join(this.root, "state"),
      program: ["/usr/local/bin/awg-split-tunnel"],
      sleep: async () => undefined,
      root: this.root,
    });
  }

  #systemOf({ system }: Borders): LibSystem {
    return this.#bend.system?.(system) ?? system;
  }

  [Symbol.dispose](): void {
    for (const engine of this.#engines.values()) engine.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  #process(pid: number, uid: number): Borders {
    const caller = { pid, uid };
    return { system: new FakeLibSystem(this.machine, caller), programs: new FakePrograms(this.machine, caller) };
  }

  /** Holds utuns and starts engines as the keeper would. */
  #holder(system: LibSystem): UtunHolder & EngineHolder {
    const utuns = new HeldUtuns(system);
    return {
      held: () => utuns.held(),
      hold: (device) => utuns.hold(device),
      release: async (device) => {
        this.#stopEngine(device);
        await utuns.release(device);
      },
      request: async (request) => {
        if (request.request === "stopEngine") this.#stopEngine(request.device);
        else if (request.request === "ensureEngine") await this.#ensureEngine(request, await utuns.held());
        else throw new Error(`the keeper is not asked to ${request.request} here`);
      },
    };
  }

  async #ensureEngine(
    { device, engine: kind, configuration, update }: EnsureEngine,
    held: ReadonlyMap<string, string>,
  ): Promise<void> {
    const standing = this.#engines.get(device);
    if (standing !== undefined) return standing.set(update ?? configuration);
    const engine = new FakeEngine(this.root, held.get(device) ?? "", kind);
    this.#engines.set(device, engine);
    engine.set(configuration);
    await engine.listen();
  }

  #stopEngine(device: string): void {
    this.#engines.get(device)?.close();
    this.#engines.delete(device);
  }

  #store(bytes: Uint8Array): SecretId {
    const id = createHash("sha256").update(bytes).digest("hex") as SecretId;
    this.#stored.set(id, bytes);
    return id;
  }

  #bytesOf(id: SecretId): Uint8Array {
    const bytes = this.#stored.get(id);
    if (bytes === undefined) throw new Error("no such secret");
    return bytes;
  }
}

/** As `route add` of somebody else: through the router, without our mark. */
function addStrangersRoute(machine: FakeMachine, destination: string): void {
  machine.routes.push({
    prefix: prefixOf(destination),
    flags: ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static,
    gateway: addressOf("192.168.1.1"),
    interfaceIndex: machine.interfaceNamed("en0")?.index ?? 0,
    scope: 0,
    mtu: 0,
  });
}
