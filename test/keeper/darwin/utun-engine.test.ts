import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { engineSocketPath } from "../../../src/keeper/darwin/engine-launch.ts";
import { exchangeUapi } from "../../../src/keeper/darwin/uapi-exchange.ts";
import { UtunKeeper } from "../../../src/keeper/darwin/utun-keeper.ts";
import type { EnsureEngine } from "../../../src/model/keeper-protocol.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { type FakeMachine, macBook } from "../../host/darwin/fake/machine.ts";
import { temporaryFolder } from "../../support/folder.ts";

/**
 * A stand-in for wireguard-go: it answers on its UAPI socket, refuses listen port 1, and ends when the socket is removed.
 * It writes each `set` it is told into a file.
 */
const ENGINE = `
const net = require("node:net"), fs = require("node:fs");
const [path, log] = process.argv.slice(1);
const server = net.createServer((socket) => socket.on("data", (data) => {
  const text = String(data);
  if (text.startsWith("set=1")) fs.appendFileSync(log, text);
  socket.write(text.includes("listen_port=1\\n") ? "errno=-22\\n\\n" : "errno=0\\n\\n");
}));
server.listen(path);
setInterval(() => { if (server.listening && !fs.existsSync(path)) process.exit(0); }, 20);
`;

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function ensure(configuration: string, update?: string): EnsureEngine {
  return {
    request: "ensureEngine",
    device: "awg-office",
    engine: "userspace",
    protocol: "wireguard",
    user: { uid: 0, gid: 0 },
    configuration: `set=1\n${configuration}\n\n`,
    ...(update === undefined ? {} : { update: `set=1\n${update}\n\n` }),
  };
}

interface World {
  readonly machine: FakeMachine;
  readonly keeper: UtunKeeper;
  readonly children: ChildProcess[];
  readonly socket: string;
  readonly reported: () => string;
  readonly next: () => UtunKeeper;
}

async function world(): Promise<World> {
  const root = temporaryFolder("engine");
  const machine = macBook();
  const folder = join(root, "keeper");
  const log = join(root, "told");
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(log, "");
  const children: ChildProcess[] = [];
  const make = () =>
    new UtunKeeper({
      system: new FakeLibSystem(machine, { pid: 77, uid: 0 }),
      folder,
      nameFolder: join(root, "names"),
      root,
      report: () => {},
      launch: ({ protocol, name }) => {
        const path = engineSocketPath(root, protocol, name);
        mkdirSync(dirname(path), { recursive: true });
        // As wireguard-go does, and the keeper puts it back.
        const device = machine.interfaceNamed(name);
        if (device !== undefined) device.mtu = 1420;
        const child = spawn(process.execPath, ["-e", ENGINE, path, log], { stdio: "ignore" });
        children.push(child);
        return child;
      },
    });
  const keeper = make();
  ends.push(async () => {
    await keeper.release();
    for (const child of children) child.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  });
  await keeper.answer({ request: "openDevice", device: "awg-office", alias: "awg:office" });
  const socket = engineSocketPath(root, "wireguard", "utun1");
  return { machine, keeper, children, socket, reported: () => readFileSync(log, "utf8"), next: make };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("waited 30 s in vain");
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

describe("engines of a Mac's keeper (a stand-in for wireguard-go)", () => {
  it("are started on the interface, get the whole configuration and later only changes, and keep the interface's MTU", async () => {
    const { keeper, machine, reported, children } = await world();
    const utun = machine.interfaceNamed("utun1");
    if (utun === undefined) throw new Error("no utun1");
    utun.mtu = 1280;
    await keeper.answer(ensure("listen_port=51820"));
    expect(utun.mtu).toBe(1280);
    const status = await keeper.answer(ensure("listen_port=51820", "fwmark=7"));
    expect(reported()).toBe("set=1\nlisten_port=51820\n\nset=1\nfwmark=7\n\n");
    expect(children).toHaveLength(1);
    expect(status.devices).toEqual([
      {
        device: "awg-office",
        engine: { pid: children[0]?.pid, kind: "userspace", protocol: "wireguard", restarts: 0 },
      },
    ]);
  });

  it("are started again with their configuration when they die", async () => {
    const { keeper, reported, children, socket } = await world();
    await keeper.answer(ensure("listen_port=51820"));
    children[0]?.kill("SIGKILL");
    await until(() => children.length === 2 && reported().split("set=1").length === 3);
    await until(async () => (await exchangeUapi(socket, "get=1\n\n")) !== undefined);
    expect(keeper.status.devices[0]?.engine).toMatchObject({ restarts: 1, pid: children[1]?.pid });
  });

  it("that refuse their configuration are ended, and say so", async () => {
    const { keeper, children } = await world();
    await expect(keeper.answer(ensure("listen_port=1"))).rejects.toMatchObject({ kind: "host" });
    await until(() => children.every(({ signalCode }) => signalCode !== null));
    expect(children).toHaveLength(1);
  });

  it("end with their device: socket, record and process", async () => {
    const { keeper, machine, children, socket } = await world();
    await keeper.answer(ensure("listen_port=51820"));
    await keeper.answer({ request: "closeDevice", device: "awg-office" });
    await until(() => children.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null));
    expect(existsSync(socket)).toBe(false);
    expect(machine.interfaceNamed("utun1")).toBeUndefined();
  });

  it("left by a dead keeper are ended by the next, but not another program's engine of the same name", async () => {
    const { keeper, next, children, socket } = await world();
    await keeper.answer(ensure("listen_port=51820"));
    next().adopt();
    await until(() => children[0]?.exitCode === 0);
    expect(existsSync(socket)).toBe(false);
    await until(() => children.length === 2 && existsSync(socket));
    rmSync(socket);
    writeFileSync(socket, "somebody else's");
    next().adopt();
    expect(readFileSync(socket, "utf8")).toBe("somebody else's");
  });
});
