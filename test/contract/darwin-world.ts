import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunCommand } from "../../src/host/darwin/command.ts";
import { darwinHost } from "../../src/host/darwin/darwin-host.ts";
import type { EngineHolder } from "../../src/host/darwin/engines.ts";
import type { UtunHolder } from "../../src/host/darwin/links/utun-holder.ts";
import { darwinNetworkEvents } from "../../src/host/darwin/network-events/darwin-network-events.ts";
import { osascriptNotifications } from "../../src/host/darwin/osascript-notifications.ts";
import { darwinProcesses } from "../../src/host/darwin/processes/darwin-processes.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { ServicePort } from "../../src/host/ports/services.ts";
import type { EnsureEngine } from "../../src/model/keeper-protocol.ts";
import { SERVICE_MARK } from "../../src/model/ownership.ts";
import { LAUNCHD } from "../../src/model/resources/service.ts";
import type { SecretId } from "../../src/model/secret.ts";
import type { SecretStore } from "../../src/model/secret-store.ts";
import type { LibSystem } from "../../src/native/darwin/libsystem.ts";
import { FakeEngine } from "../host/darwin/fake/fake-engine.ts";
import { FakeLibSystem } from "../host/darwin/fake/fake-libsystem.ts";
import { type FakeMachine, macBook } from "../host/darwin/fake/machine.ts";
import { FakePrograms } from "../host/darwin/fake/programs/fake-programs.ts";
import { HeldUtuns } from "../host/darwin/links/held-utuns.ts";
import { PROTOCOLS, SERVICES } from "../host/darwin/pf/pf-names.ts";
import { temporaryFolder } from "../support/folder.ts";
import type { ContractWorld, Viewer } from "./contract-world.ts";
import { otherProgramsOf } from "./darwin-other-programs.ts";

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
  readonly root = temporaryFolder("mac");
  readonly borders: Borders;
  readonly holder: UtunHolder & EngineHolder;
  readonly #engines = new Map<string, FakeEngine>();
  readonly #stored = new Map<SecretId, Uint8Array>();
  readonly #bend: Bend;
  /** What is called again and again, and the time that passes between. */
  readonly #due = new Set<() => void>();
  #nowMs = 0;

  constructor(bend: Bend = {}) {
    this.#bend = bend;
    for (const folder of ["etc", "Library/LaunchDaemons", "usr/local/bin", dirname(LAUNCHD.extensionHelper)])
      mkdirSync(join(this.root, folder), { recursive: true });
    writeFileSync(join(this.root, LAUNCHD.extensionHelper), "", { mode: 0o755 });
    otherProgramsOf(this.machine, this.root).screen("there");
    writeFileSync(join(this.root, "usr/local/bin/wireguard-go"), "", { mode: 0o755 });
    writeFileSync(join(this.root, "etc/protocols"), [...PROTOCOLS].map(([name, one]) => `${name}\t${one}\n`).join(""));
    const services = [...SERVICES].flatMap(([name, port]) => [`${name}\t${port}/tcp\n`, `${name}\t${port}/udp\n`]);
    writeFileSync(join(this.root, "etc/services"), services.join(""));
    this.borders = this.#process(4242, 0);
    this.holder = this.#holder(this.#systemOf(this.borders));
  }

  /** The contract's machine, through a process of root's. */
  contract(): ContractWorld {
    const { machine, root } = this;
    const own = this.viewOf(this.borders);
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
      asViewer: (use) => {
        const borders = this.#process(4300, 501);
        return use(this.host(borders), this.viewOf(borders));
      },
      processes: () => this.viewOf(this.borders).processes,
      networkEvents: () => own.networkEvents,
      services: () => own.services,
      serviceSpec: (more) => ({
        name: LAUNCHD.daemon,
        path: `${LAUNCHD.daemons}/${LAUNCHD.daemon}.plist`,
        definition: plist(more),
        keepRunning: true,
      }),
      notifications: {
        show: osascriptNotifications(this.borders.programs.run, root),
        shown: () => machine.screen.shown,
      },
      until: async (isSo) => this.#until(isSo),
      others: otherProgramsOf(machine, root),
    };
  }

  /** The engine of a device. */
  engineOf(device: string): FakeEngine | undefined {
    return this.#engines.get(device);
  }

  /** What a process has besides a host. */
  viewOf(borders: Borders): Viewer {
    const system = this.#systemOf(borders);
    const every = (onDue: () => void): Disposable => {
      this.#due.add(onDue);
      return { [Symbol.dispose]: () => void this.#due.delete(onDue) };
    };
    const clock = { wallMs: () => 1_700_000_000_000 + this.#nowMs, steadyMs: () => this.#nowMs };
    const processes = darwinProcesses({ system, nowMs: clock.steadyMs, every });
    return {
      processes,
      networkEvents: darwinNetworkEvents({ system, clock, every, programOf: (pid) => processes.read(pid)?.name }),
      services: this.host(borders).services as ServicePort,
    };
  }

  host(borders: Borders, isAttended = false): Host {
    const { run } = borders.programs;
    return darwinHost({
      system: this.#systemOf(borders),
      run: this.#bend.run?.(run) ?? run,
      holder: this.holder,
      secrets: this.#bend.secrets?.(this.root) ?? {
        idOf: (bytes) => this.#store(bytes),
        bytesOf: (id) => this.#bytesOf(id),
      },
      runDir: join(this.root, "var/run/awg"),
      stateDir: join(this.root, "state"),
      program: ["/usr/local/bin/awg-split-tunnel"],
      isAttended,
      sleep: async () => undefined,
      root: this.root,
    });
  }

  /** A quarter of a second passes. */
  tick(): void {
    this.#nowMs += 250;
    for (const onDue of [...this.#due]) onDue();
  }

  /** A quarter of a second at a time, for two minutes at most. */
  #until(isSo: () => boolean): void {
    for (let looks = 0; looks < 480; looks += 1) {
      if (isSo()) return;
      this.tick();
    }
    throw new Error("it did not come about in two minutes");
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
    const programs = new FakePrograms(this.machine, caller);
    programs.installExtensionHelper(join(this.root, LAUNCHD.extensionHelper));
    return { system: new FakeLibSystem(this.machine, caller), programs };
  }

  /** Holds utuns and starts engines as the keeper would. */
  #holder(system: LibSystem): UtunHolder & EngineHolder {
    const utuns = new HeldUtuns(system);
    return {
      held: () => utuns.held(),
      stated: () => utuns.stated(),
      hold: (device, unit) => utuns.hold(device, unit),
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

/** A job that runs from its loading on. */
function plist(more: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${SERVICE_MARK} ${more} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LAUNCHD.daemon}</string>
  <key>ProgramArguments</key>
  <array><string>/bin/sleep</string><string>600</string></array>
  <key>KeepAlive</key>
  <true/>
</dict>
</plist>
`;
}
