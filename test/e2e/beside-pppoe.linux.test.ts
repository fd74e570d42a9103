import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "python3");

describe.skipIf(obstacle !== undefined)(`a kill switch beside PPPoE (${obstacle ?? "on this kernel"})`, () => {
  const program = useBuiltProgram();
  const folder = mkdtempSync(join(tmpdir(), "awg-pppoe-"));
  const tunnel = `p${process.pid.toString(36)}`;
  let machine: TestNamespace;
  let speaker: ChildProcess | undefined;
  let lines: NodeJS.AsyncIterator<string>;

  const awg = (...args: readonly string[]) =>
    machine.run([process.execPath, program(), ...args, "--state-dir", join(folder, "state")], { mayFail: true });
  const ip = (line: string) => machine.run(["ip", ...line.split(" ")]);

  function config(killSwitch: string): string {
    const path = join(folder, "config.yaml");
    writeFileSync(
      path,
      `apiVersion: awg/v1
tunnels:
  ${tunnel}:
    protocol: wireguard
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: 4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: ${tunnel} }
killSwitch: { ${killSwitch} }
`,
    );
    return path;
  }

  /** How many frames of PPPoE came through, of the two that are sent. */
  async function passed(): Promise<number> {
    speaker?.stdin?.write("\n");
    return Number((await lines.next()).value);
  }

  const told = (text: string) => text.split("\n").filter((line) => line.includes("PPPoE"));

  beforeAll(async () => {
    machine = makeNamespace("pppoe");
    mkdirSync(join(folder, "state"), { mode: 0o700 });
    writeFileSync(join(folder, "key"), "uL2p0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSYJ2k=\n", { mode: 0o600 });
    ip("link add up0 type veth peer name up1");
    for (const device of ["up0", "up1"]) ip(`link set ${device} up`);
    ip("address add 192.0.2.10/24 dev up0");
    ip("route add default via 192.0.2.1");
    const script = join(import.meta.dirname, "beside-pppoe.py");
    const words = ["netns", "exec", machine.name, "python3", script, "up0", "up1"];
    speaker = spawn("ip", words, { stdio: ["pipe", "pipe", "inherit"] });
    lines = createInterface({ input: speaker.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
  });
  afterAll(async () => {
    if (machine !== undefined) awg("destroy", "--auto-approve");
    if (speaker?.exitCode === null) {
      const ended = once(speaker, "exit");
      speaker.stdin?.end();
      await ended;
    }
    machine?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("S2.7: its frames are refused, which a plan says before and doctor after", async () => {
    expect(told(awg("diff", "-f", config("enabled: false")).stderr)).toEqual([]);
    expect(told(awg("diff", "-f", config("enabled: true")).stderr)).toEqual([
      "note: killSwitch: this machine speaks PPPoE by up0, which the kill switch refuses (S2.7): nothing leaves by an uplink over it, also no tunnel; let the router speak it",
    ]);
    expect(await passed()).toBe(2);
    const applied = awg("apply", "-f", config("enabled: true"), "--auto-approve");
    expect(applied.status, applied.stderr).toBe(0);
    expect(await passed()).toBe(0);
    expect(awg("doctor").stdout).toContain("PPPoE by up0");
  });
});
