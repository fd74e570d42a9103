import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { renderPlan } from "../../../src/cli/views/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { ReconcilingSession } from "../../../src/compose/reconciling-session.ts";
import type { Planned } from "../../../src/compose/session.ts";
import type { SessionParts } from "../../../src/compose/session-parts.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { fileStores } from "../../../src/state/file-stores.ts";
import { SecretStore } from "../../../src/state/secret-store.ts";
import { DarwinWorld } from "../../contract/darwin-world.ts";
import { abiObstacle } from "../../host/darwin/fake/abi.ts";
import { Recorder } from "./recorder.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const GOLDEN = fileURLToPath(new URL("macbook/", import.meta.url));
const KEY = Buffer.alloc(32, 7).toString("base64");
/** The example with the service and a split domain beside; no name is asked of anybody here. */
const CONFIG = `${readFileSync(`${ROOT}examples/laptop/config.yaml`, "utf8")
  .replace("vpn.example.com", "198.51.100.7")
  .replace("leakProtection: true", "split: { corp.example: [10.0.0.53] }\n  leakProtection: true")}
service: { install: true, autostart: true }
`;

/** awg on a Mac that is a double at its borders, everything between them real: session, journal, drivers, host, codecs. */
class MacBook implements Disposable {
  readonly recorder = new Recorder();
  readonly secrets: SecretStore;
  readonly world: DarwinWorld;
  readonly session: ReconcilingSession;

  constructor() {
    const environment = { HOME_KEY: KEY };
    let secrets: SecretStore | undefined;
    const { system, run } = this.recorder;
    this.world = new DarwinWorld({
      system,
      run,
      secrets: (root) => {
        secrets ??= new SecretStore(join(root, "state"), { environment, allowInsecurePermissions: false });
        return secrets;
      },
    });
    const { host } = this.world.contract();
    this.secrets =
      secrets ?? new SecretStore(join(this.world.root, "state"), { environment, allowInsecurePermissions: false });
    const parts: SessionParts = {
      host,
      stores: fileStores(join(this.world.root, "state"), { bootId: "one", namespace: "macos" }, this.secrets),
      clock: { nowMs: () => 1_700_000_000_000, sleep: async () => undefined },
      resolveSecret: async ({ ref }) => this.secrets.resolvePrivateKey(ref),
      lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
      close: async () => undefined,
    };
    this.session = new ReconcilingSession(parts, {
      host: { kind: "linux" },
      allowInsecurePermissions: false,
      environment,
    });
  }

  async plan(): Promise<Planned> {
    const loaded = await this.session.load([{ name: "awg.yaml", text: CONFIG, mode: 0o600 }]);
    return this.session.plan(loaded);
  }

  async apply(planned: Planned): Promise<void> {
    await this.session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  }

  /** A text with this machine's temporary folder and nothing else of it left out. */
  plain(text: string): string {
    return text.replaceAll(this.world.root, "");
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

function written(planned: Planned): string {
  return `${renderPlan(planned.plan, planned.traffic, styleFor(false))}\n`;
}

describe.skipIf(abiObstacle !== undefined)(`a MacBook (${abiObstacle ?? "doubles at both borders"})`, () => {
  test("what macOS is told is what the golden folder holds", async () => {
    using mac = new MacBook();
    const { host } = mac.world.contract();
    const observed = {
      links: await host.links.read(),
      routes: await host.routes.readRoutes(),
      resolver: await host.resolver.read(),
      firewall: await host.firewall.read(),
    };
    const planned = await mac.plan();
    await mac.apply(planned);
    const { commands, routeMessages, requests } = mac.recorder;
    const files: Record<string, string> = {
      "observed.json": `${JSON.stringify(observed, null, 2)}\n`,
      "plan.txt": written(planned),
      "routes.hex": `${routeMessages.join("\n\n")}\n`,
      "interface.hex": `${requests.filter((one) => one.startsWith("SIOC")).join("\n\n")}\n`,
      "scutil.txt": textsOf(
        commands.filter(({ path, input = "" }) => path.endsWith("/scutil") && input.includes("set ")),
      ),
      "pf.txt": textsOf(commands.filter(({ path, args }) => path === "/sbin/pfctl" && args.includes("-f"))),
      "launchctl.txt": `${commands
        .filter(({ path }) => path === "/bin/launchctl")
        .map(({ args }) => args.join(" "))
        .join("\n")}\n`,
    };
    for (const path of globSync("{etc/resolver,Library/LaunchDaemons}/*", { cwd: mac.world.root })) {
      files[path.replaceAll("/", "_")] = readFileSync(join(mac.world.root, path), "utf8");
    }
    expect(JSON.stringify([files, commands])).not.toContain(KEY);
    if (process.env["AWG_UPDATE"] === "1") {
      mkdirSync(GOLDEN, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(GOLDEN, name), mac.plain(text));
    }
    expect(globSync("*", { cwd: GOLDEN }).toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [name, text] of Object.entries(files)) {
      expect(mac.plain(text), name).toBe(readFileSync(join(GOLDEN, name), "utf8"));
    }
  });

  test("apply, apply again with no write at all, destroy: the Mac is as it was", async () => {
    using mac = new MacBook();
    const { machine } = mac.world;
    const before = snapshot(mac);
    await mac.apply(await mac.plan());
    expect(machine.pf.enabled).toBe(true);
    expect([...machine.launchd.jobs.keys()].toSorted()).toEqual([
      "system/com.awg.split-tunnel",
      "system/com.awg.split-tunnel.keeper",
    ]);
    const { writes } = mac.recorder;
    const again = await mac.plan();
    expect(stepsOf(again.plan)).toEqual([]);
    await mac.apply(again);
    expect(mac.recorder.writes).toBe(writes);
    await mac.apply(await mac.session.planDestroy());
    expect(snapshot(mac)).toEqual(before);
  });
});

function textsOf(
  commands: readonly { readonly path: string; readonly args: readonly string[]; readonly input?: string }[],
): string {
  return commands.map(({ path, args, input = "" }) => `$ ${[path, ...args].join(" ")}\n${input}`).join("\n");
}

/** What of the Mac awg has to put back. */
function snapshot({ world: { machine, root } }: MacBook): unknown {
  return {
    interfaces: machine.interfaces.map(({ name }) => name),
    routes: machine.routes.map(({ prefix, flags }) => [prefix.family, String(prefix.address), prefix.length, flags]),
    pf: [machine.pf.enabled, machine.pf.tokens.length, [...machine.pf.anchors.keys()], machine.pf.main.length],
    store: [...machine.store.keys.keys()],
    jobs: [...machine.launchd.jobs.keys()],
    files: globSync("{etc,Library}/**/*", { cwd: root }).toSorted(),
  };
}
