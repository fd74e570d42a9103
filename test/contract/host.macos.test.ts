import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../src/host/darwin/command.ts";
import { darwinHost } from "../../src/host/darwin/darwin-host.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { openLibSystem } from "../../src/native/darwin/libsystem.ffi.ts";
import { HeldUtuns } from "../host/darwin/links/held-utuns.ts";
import type { ContractWorld } from "./contract-world.ts";
import { clausesOf } from "./coverage.ts";

const obstacle = process.platform === "darwin" ? undefined : "this is no Mac";
const destructive = process.env["AWG_CONTRACT_DESTRUCTIVE"] === "1" && process.geteuid?.() === 0;

/** A real Mac. What changes it is done only when AWG_CONTRACT_DESTRUCTIVE=1 says that it may be, and by root. */
class Mac {
  readonly folder = mkdtempSync(join(tmpdir(), "awg-mac-"));
  readonly #holder = new HeldUtuns(openLibSystem());
  readonly #routes: string[] = [];

  host(): Host {
    return darwinHost({
      system: openLibSystem(),
      run: runCommand,
      holder: {
        held: () => this.#holder.held(),
        hold: (device) => this.#holder.hold(device),
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
    return {
      kind: "darwin",
      host,
      second: () => this.host(),
      uplink: uplink?.device ?? "",
      loopback: "lo0",
      device: "awg-one",
      secrets: { privateKey: "" as SecretId, presharedKey: "" as SecretId },
      others: {
        addDevice: notHere,
        addRoute: (_table, destination) => {
          execFileSync("/sbin/route", ["-n", "add", "-net", destination, uplink?.gateway ?? "127.0.0.1"]);
          this.#routes.push(destination);
        },
        addRule: notHere,
        removeDevice: notHere,
        readResolver: notHere,
        writeResolver: notHere,
      },
    };
  }

  async restore(): Promise<void> {
    for (const destination of this.#routes) execFileSync("/sbin/route", ["-n", "delete", "-net", destination]);
    if (destructive) {
      const host = this.host();
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

  const clauses = clausesOf("darwin").filter(
    ({ port, promise }) => port !== "engines" && !promise.includes("without root's rights"),
  );
  test.skipIf(!destructive).each(clauses)("$port: $promise (AWG_CONTRACT_DESTRUCTIVE=1)", async ({ check }) => {
    await check(await mac.world());
  });
});

async function noKeeper(): Promise<never> {
  throw new Error("the contract runs without a keeper");
}

function noSecrets(): never {
  throw new Error("the contract of this Mac sets no engine");
}

function notHere(): never {
  throw new Error("not on a Mac");
}
