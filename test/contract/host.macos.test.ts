import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../src/host/darwin/command.ts";
import { darwinHost } from "../../src/host/darwin/darwin-host.ts";
import { darwinNetworkEvents, LOOK_MS } from "../../src/host/darwin/network-events/darwin-network-events.ts";
import { darwinProcesses } from "../../src/host/darwin/processes/darwin-processes.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { ServicePort } from "../../src/host/ports/services.ts";
import { SERVICE_MARK } from "../../src/model/ownership.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { openLibSystem } from "../../src/native/darwin/libsystem.ffi.ts";
import { HeldUtuns } from "../host/darwin/links/held-utuns.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type ContractWorld, notHere, type OtherPrograms } from "./contract-world.ts";
import { clausesOf } from "./coverage.ts";
import { checkWitnessed } from "./witness.ts";

const obstacle = process.platform === "darwin" ? undefined : "this is no Mac";
const destructive = process.env["AWG_CONTRACT_DESTRUCTIVE"] === "1" && process.geteuid?.() === 0;
/** Why what changes the machine is left out. */
const NOT_ASKED = "it changes this Mac, which takes root and AWG_CONTRACT_DESTRUCTIVE=1";

const LABEL = "com.awg.contract-test";
const PLACE = { name: LABEL, path: `/Library/LaunchDaemons/${LABEL}.plist` };
const LONGEST_MS = 90_000;

/** A job that only waits. */
function plist(more: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${SERVICE_MARK} ${more} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array><string>/bin/sleep</string><string>600</string></array>
  <key>KeepAlive</key>
  <true/>
</dict>
</plist>
`;
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error("it did not come about in 90 s");
    await sleep(50);
  }
}

function every(onDue: () => void): Disposable {
  const timer = setInterval(onDue, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** A real Mac. What changes it is done only when AWG_CONTRACT_DESTRUCTIVE=1 says that it may be, and by root. */
class Mac {
  readonly folder = temporaryFolder("mac");
  readonly #holder = new HeldUtuns(openLibSystem());
  readonly #routes: string[] = [];
  readonly #children = new Map<number, ChildProcess>();

  host(): Host {
    return darwinHost({
      system: openLibSystem(),
      run: runCommand,
      holder: {
        held: () => this.#holder.held(),
        stated: () => this.#holder.stated(),
        hold: (device, unit) => this.#holder.hold(device, unit),
        release: (device) => this.#holder.release(device),
        request: noKeeper,
      },
      secrets: { idOf: (bytes) => createHash("sha256").update(bytes).digest("hex") as SecretId, bytesOf: noSecrets },
      runDir: join(this.folder, "run"),
      stateDir: join(this.folder, "state"),
      program: ["/usr/local/bin/awg-split-tunnel"],
      sleep: async (ms) => void (await sleep(ms)),
    });
  }

  async world(): Promise<ContractWorld> {
    const host = this.host();
    const { uplinks } = await host.facts.read({ users: [], hosts: [] });
    const [uplink] = uplinks;
    const system = openLibSystem();
    const clock = { wallMs: Date.now, steadyMs: () => performance.now() };
    const processes = () => darwinProcesses({ system, nowMs: clock.steadyMs, every });
    const programOf = (pid: number) => processes().read(pid)?.name;
    return {
      kind: "darwin",
      host,
      second: () => this.host(),
      processes,
      networkEvents: () => darwinNetworkEvents({ system, clock, every, programOf }),
      services: () => this.host().services as ServicePort,
      serviceSpec: (more) => ({ ...PLACE, definition: plist(more), keepRunning: true }),
      notifications: { show: () => notHere("a screen that tells what it shows"), shown: () => [] },
      until,
      uplink: uplink?.device ?? "",
      loopback: "lo0",
      device: "awg-one",
      secrets: { privateKey: "" as SecretId, presharedKey: "" as SecretId },
      others: this.#strangers(uplink?.gateway ?? "127.0.0.1"),
    };
  }

  #strangers(gateway: string): OtherPrograms {
    return {
      addDevice: () => notHere("a device of somebody else's"),
      addRoute: (_table, destination) => {
        execFileSync("/sbin/route", ["-n", "add", "-net", destination, gateway]);
        this.#routes.push(destination);
      },
      addRule: () => notHere("a policy rule"),
      detachClassifier: () => notHere("a classifier of sockets"),
      deleteOurs: ({ destination }) => void execFileSync("/sbin/route", ["-n", "delete", "-net", destination]),
      removeDevice: () => notHere("a device of somebody else's"),
      readResolver: () => notHere("resolv.conf"),
      writeResolver: () => notHere("resolv.conf"),
      startProcess: async () => {
        const child = spawn("/bin/sleep", ["600"], { stdio: "ignore" });
        await once(child, "spawn");
        this.#children.set(child.pid ?? 0, child);
        return child.pid ?? 0;
      },
      endProcess: (pid) => void this.#children.get(pid)?.kill("SIGKILL"),
      openSocket: async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        const { address, port } = server.address() as AddressInfo;
        const tuple = { protocol: "tcp", local: { address, port } } as const;
        return { tuple, pid: process.pid, close: () => void server.close() };
      },
      writeService: (text) => (text === null ? rmSync(PLACE.path, { force: true }) : writeFileSync(PLACE.path, text)),
      approve: () => notHere("somebody who allows an extension"),
      screen: () => notHere("a screen that tells what it shows"),
      addQuickRoute: () => notHere("wg-quick of Linux"),
      startEngine: () => notHere("another program's engine"),
    };
  }

  async restore(): Promise<void> {
    for (const destination of this.#routes) execFileSync("/sbin/route", ["-n", "delete", "-net", destination]);
    for (const child of this.#children.values()) child.kill("SIGKILL");
    if (destructive) {
      const host = this.host();
      if (existsSync(PLACE.path)) writeFileSync(PLACE.path, plist(""));
      await host.services?.remove(PLACE);
      await host.firewall.load(null);
      await host.resolver.restore();
    }
    await this.#holder.release("awg-one");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe.skipIf(obstacle !== undefined)(`the contract of a host, on this Mac (${obstacle ?? "for real"})`, () => {
  let mac: Mac;
  beforeEach(() => {
    mac = new Mac();
  });
  afterEach(() => mac.restore());

  test("what may be read without changing anything is read", async () => {
    const host = mac.host();
    const facts = await host.facts.read({ users: ["root", "no-such-user"], hosts: ["192.0.2.9"] });
    expect(facts).toMatchObject({ os: "darwin", uids: { root: 0 }, addresses: { "192.0.2.9": ["192.0.2.9"] } });
    expect(facts.uplinks.length).toBeGreaterThan(0);
    expect(
      (await host.links.read()).some(({ device, addresses }) => device === "lo0" && addresses.includes("127.0.0.1/8")),
    ).toBe(true);
    expect((await host.routes.readRoutes()).some(({ destination }) => destination === "0.0.0.0/0")).toBe(true);
    expect((await host.resolver.read()).ownedByAwg).toBe(false);
  });

  const clauses = clausesOf("darwin").filter(({ port, promise }) => whyNot(port, promise) === undefined);
  const reading = clauses.filter(({ port }) => port === "processes");
  test.each(reading)("$port: $promise", async (clause) => checkWitnessed(clause, await mac.world()));
  const changing = clauses.filter(({ port }) => port !== "processes");
  test.skipIf(!destructive).each(changing)(`$port: $promise${destructive ? "" : ` (${NOT_ASKED})`}`, async (clause) => {
    await checkWitnessed(clause, await mac.world());
  });

  test("says which clauses it cannot ask of a real Mac, and why", () => {
    const left = clausesOf("darwin").flatMap(({ port, promise }) => {
      const reason = whyNot(port, promise);
      return reason === undefined ? [] : [`${port}: ${promise}: ${reason}`];
    });
    const waiting = destructive ? [] : changing.map(({ port, promise }) => `${port}: ${promise}: ${NOT_ASKED}`);
    const asked = clauses.length - waiting.length;
    console.log([`${asked} clauses asked, ${left.length + waiting.length} left out`, ...left, ...waiting].join("\n"));
    expect(clauses.length).toBeGreaterThan(left.length);
  });
});

/** Why a clause is not asked of a real Mac; undefined where it is. */
function whyNot(port: string, promise: string): string | undefined {
  if (port === "engines") return "there is no keeper here";
  if (port === "notifications") return "nothing tells what a screen shows";
  if (port === "systemExtensions") return "no app that carries one is installed";
  if (promise.includes("without root's rights")) return "one process is either root or not";
  if (promise.includes("sleep") || promise.includes("dropped"))
    return "nobody can make this Mac sleep, or lose messages";
  return promise.startsWith("a device that goes") ? "somebody else's device cannot be made here" : undefined;
}

async function noKeeper(): Promise<never> {
  throw new Error("the contract runs without a keeper");
}

function noSecrets(): never {
  throw new Error("the contract of this Mac sets no engine");
}
