import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentJsonSchema } from "../../../src/cli/documents/documents.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { schemaCheck } from "../../support/json-schema.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { DaemonInNamespace } from "./daemon-in-namespace.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "ss", "script");

/** Sends 64 KiB to itself every 50 ms, by the address of the uplink. */
const TALKER = `
  const net = require("node:net");
  net.createServer((socket) => socket.resume()).listen(7000, "192.0.2.2", () => {
    const socket = net.connect(7000, "192.0.2.2", () => console.log("talking"));
    setInterval(() => socket.write(Buffer.alloc(65536)), 50);
  });`;

interface TopDocument {
  readonly tunnels: readonly { readonly name: string }[];
  readonly programs: readonly {
    readonly pid: number;
    readonly receivedPerSecond: number;
    readonly connections: readonly { readonly remote: string; readonly receivedBytes: number }[];
  }[];
}

describe.skipIf(obstacle !== undefined)(`awg top${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const program = useBuiltProgram();
  let world: DaemonInNamespace;
  let talker = 0;

  /** What the kernel says of the received bytes, by another program. */
  const received = (): number =>
    [...world.host.run(["ss", "-tinH", "state", "established"]).stdout.matchAll(/bytes_received:([0-9]+)/g)].reduce(
      (sum, [, bytes]) => sum + Number(bytes),
      0,
    );

  beforeAll(async () => {
    world = new DaemonInNamespace("top", program());
    await world.startDaemon();
    const { child } = await world.start([process.execPath, "-e", TALKER], "talking");
    talker = child.pid ?? 0;
    await sleep(500);
  }, 120_000);

  afterAll(() => world.end(), 60_000);

  test("bytes and rates of a program as ss(8) has them, and the tunnel", () => {
    const began = performance.now();
    const before = received();
    const { stdout } = world.awg("top", "--once", "--interval", "1", "--json");
    const after = received();
    const seconds = (performance.now() - began) / 1000;
    expect(schemaCheck(documentJsonSchema("top", true))(JSON.parse(stdout))).toEqual([]);
    const { tunnels, programs } = JSON.parse(stdout) as TopDocument;
    const found = programs.find(({ pid }) => pid === talker);
    const bytes = found?.connections.reduce((sum, one) => sum + one.receivedBytes, 0) ?? 0;
    expect(bytes).toBeGreaterThanOrEqual(before);
    expect(bytes).toBeLessThanOrEqual(after);
    expect(found?.connections.some(({ remote }) => remote === "192.0.2.2:7000")).toBe(true);
    expect(found?.receivedPerSecond).toBeGreaterThan(0);
    expect((found?.receivedPerSecond ?? 0) * 1).toBeLessThanOrEqual(after);
    expect(seconds).toBeGreaterThan(1);
    expect(tunnels.map(({ name }) => name)).toEqual([world.tunnel]);
  });

  test("a list and a tree for people, in 80 columns", () => {
    const { stdout } = world.host.run(
      ["env", "COLUMNS=80", ...world.argv("top", "--once", "--interval", "0.5", "--tree", "--connections")],
      { mayFail: true },
    );
    expect(stdout).toMatch(/^ +[0-9]+ +[0-9.kM]+ +[0-9.kM]+ +2 +0 \S+ +node$/m);
    expect(stdout).toContain("→ 192.0.2.2:7000");
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("on a terminal it is drawn again, keys choose, and q leaves the screen as it was", async () => {
    const words = world.argv("top", "--interval", "0.3").join(" ");
    const { child } = await world.start(["script", "-qfec", words, "/dev/null"], "PROGRAM");
    let said = "";
    child.stdout?.on("data", (text: string) => {
      said += text;
    });
    child.stdin?.write("n");
    while (!said.includes("by name")) await sleep(50);
    child.stdin?.write("q");
    while (child.exitCode === null) await sleep(50);
    expect(child.exitCode).toBe(0);
    expect(said).toContain("\u001b[?1049l");
  });

  test("a wrong interval and a wrong key are refused", () => {
    expect(world.awg("top", "--interval", "0").stderr).toContain(
      "--interval is too short; write 0.2 (seconds) or more",
    );
    expect(world.awg("top", "--sort", "size").status).toBe(64);
  });
});
