import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { x25519 } from "@noble/curves/ed25519.js";
import { afterEach, describe, expect, it } from "vitest";
import { startDataPlane } from "../../../src/dataplane/data-plane.ts";
import { launchEngine } from "../../../src/keeper/darwin/engine-launch.ts";
import { exchangeUapi } from "../../../src/keeper/darwin/uapi-exchange.ts";
import { UtunKeeper } from "../../../src/keeper/darwin/utun-keeper.ts";
import type { EnsureEngine } from "../../../src/model/keeper-protocol.ts";
import { parsePrefix } from "../../../src/model/prefix.ts";
import { bytesToHex } from "../../../src/uapi/key-text.ts";
import { linuxBeneath } from "../../dataplane/darwin/linux-beneath.ts";
import { carry, innerPacket, type UtunPair, utunPair, WORKER } from "../../dataplane/darwin/utun-pair.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { macBook } from "../../host/darwin/fake/machine.ts";
import { temporaryFolder } from "../../support/folder.ts";

const isLinux = process.platform === "linux";
const SCRIPT = fileURLToPath(new URL("engine.script.ts", import.meta.url));
const KEYS = [21, 22].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array];
const PUBLIC = KEYS.map((key) => x25519.getPublicKey(key)) as [Uint8Array, Uint8Array];

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("waited 30 s in vain");
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

interface World {
  readonly keeper: UtunKeeper;
  readonly next: () => UtunKeeper;
  readonly children: ChildProcess[];
  readonly utun: UtunPair;
  readonly socket: string;
  readonly log: () => string;
}

/** A keeper over the double of libSystem whose engines are real processes, each on an end of the same socket pair. */
async function world(): Promise<World> {
  const root = temporaryFolder("embedded");
  const folder = join(root, "keeper");
  mkdirSync(folder, { mode: 0o700 });
  const utun = utunPair();
  const children: ChildProcess[] = [];
  const logs: string[] = [];
  const machine = macBook();
  const make = () =>
    new UtunKeeper({
      system: new FakeLibSystem(machine, { pid: 77, uid: 0 }),
      folder,
      nameFolder: join(root, "names"),
      root,
      report: () => {},
      launch: ({ kind, name, socket, logPath }) => {
        expect(kind).toBe("embedded");
        logs.push(logPath);
        const log = openSync(logPath, "w", 0o600);
        const child = spawn(process.execPath, [SCRIPT, socket, name], { stdio: ["ignore", log, log, utun.fd] });
        closeSync(log);
        children.push(child);
        return child;
      },
    });
  const keeper = make();
  ends.push(async () => {
    await keeper.release();
    for (const child of children) child.kill("SIGKILL");
    utun[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });
  await keeper.answer({ request: "openDevice", device: "awg-office", alias: "awg:office" });
  const socket = join(root, "var/run/wireguard/utun1.sock");
  return { keeper, next: make, children, utun, socket, log: () => readFileSync(logs.at(-1) ?? "", "utf8") };
}

function ensure(port: number): EnsureEngine {
  const peer = [`public_key=${bytesToHex(PUBLIC[1])}`, `endpoint=127.0.0.1:${port}`, "allowed_ip=0.0.0.0/0"];
  return {
    request: "ensureEngine",
    device: "awg-office",
    engine: "embedded",
    protocol: "wireguard",
    user: { uid: 0, gid: 0 },
    configuration: `set=1\n${[`private_key=${bytesToHex(KEYS[0])}`, ...peer].join("\n")}\n\n`,
  };
}

/** The other end of the tunnel, in this process. */
async function otherEnd(): Promise<{ readonly port: number; readonly utun: UtunPair }> {
  const utun = utunPair();
  const plane = await startDataPlane({ program: WORKER, system: linuxBeneath().packets });
  ends.push(async () => {
    await plane.stop();
    utun[Symbol.dispose]();
  });
  const { listenPort } = await plane.addTunnel({
    name: "far",
    tunFd: utun.fd,
    privateKey: KEYS[1],
    mtuBytes: 1420,
    socket: { listenPort: 0, mark: 0 },
    peers: [{ publicKey: PUBLIC[0], allowedIPs: [parsePrefix("0.0.0.0/0")].filter((one) => one !== undefined) }],
  });
  return { port: listenPort, utun };
}

const why = isLinux ? "processes over the C library of this Linux" : "needs Linux beneath";

/** Each wait inside is bounded by itself; all of them together outlast a minute on a machine that is very busy. */
const WHOLE = { timeout: 240_000 };

describe.skipIf(!isLinux)(`awg's own engine under a Mac's keeper (${why})`, WHOLE, () => {
  it("carries packets, is started again with its configuration when it dies, and ends when its socket is removed", async () => {
    const { keeper, next, children, utun, socket, log } = await world();
    const far = await otherEnd();
    const packets = Array.from({ length: 50 }, (_, number) => innerPacket(4, number, 100 + number * 20));
    const status = await keeper.answer(ensure(far.port));
    expect(status.devices[0]?.engine).toMatchObject({ kind: "embedded", protocol: "wireguard", restarts: 0 });
    expect(await carry(utun, far.utun, packets)).toHaveLength(50);
    expect(await carry(far.utun, utun, packets)).toHaveLength(50);
    expect(await exchangeUapi(socket, "get=1\n\n")).toContain("awg_engine=embedded\n");

    children[0]?.kill("SIGKILL");
    await until(
      async () => children.length === 2 && (await exchangeUapi(socket, "get=1\n\n"))?.includes("endpoint=") === true,
    );
    expect(keeper.status.devices[0]?.engine).toMatchObject({ kind: "embedded", restarts: 1, pid: children[1]?.pid });
    expect(await carry(utun, far.utun, packets)).toHaveLength(50);

    next().adopt();
    await until(() => children[1]?.exitCode === 1);
    expect(existsSync(socket)).toBe(false);
    expect(log()).toContain(`its socket ${socket} was removed`);
  });

  it("is this program, started with its device, its utun and its socket", async () => {
    const folder = temporaryFolder("launch");
    const script = join(folder, "awg.cjs");
    const { argv } = process;
    const utun = utunPair();
    ends.push(() => {
      process.argv = argv;
      utun[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(
      script,
      `const { WG_TUN_FD, AWG_ENGINE_SOCKET } = process.env;
      require("node:fs").writeSync(3, JSON.stringify([process.argv.slice(2), WG_TUN_FD, AWG_ENGINE_SOCKET]));`,
    );
    process.argv = [process.execPath, script];
    const launch = { kind: "embedded", protocol: "wireguard", name: "utun4", socket: "/s/utun4.sock" } as const;
    launchEngine({ ...launch, tunFd: utun.fd, logPath: join(folder, "log") });
    let reported: Uint8Array | undefined;
    await until(() => {
      const came = utun.take();
      if (came !== undefined) reported = Buffer.concat([Buffer.from(came.word, "hex"), came.packet]);
      return came !== undefined;
    });
    expect(JSON.parse(new TextDecoder().decode(reported))).toEqual([["engine", "utun4"], "3", "/s/utun4.sock"]);
  });
});
