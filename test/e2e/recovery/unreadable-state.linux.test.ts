import { spawn } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const reason = namespaceObstacle() ?? commandObstacle("nft", "ip", "ping", "sh");
/** The accepted policy blocks the first and grants the second. */
const REFUSED = "192.0.2.2";
const GRANTED = "198.51.100.2";
const CONFIG = sampleConfig(`rules: [{ destinations: [${REFUSED}/32], via: block }]
default: { via: direct }
killSwitch: { enabled: true }
`);
const BOUND_MS = 30_000;
const built = useBuiltProgram();
const program = () => [process.execPath, "--disable-warning=ExperimentalWarning", built()];

let machine: TestNamespace;
let outside: TestNamespace;
let folder = "";
let inode = 0;
const at = (name: string): string => join(folder, name);

function awg(...args: readonly string[]) {
  return machine.run([...program(), ...args, "--state-dir", at("state")], { mayFail: true });
}

function answers(address: string): boolean {
  return machine.run(["ping", "-c", "2", "-i", "0.2", "-W", "0.3", address], { mayFail: true }).status === 0;
}

/** Of the two addresses exactly these answer; what is granted may need a moment on a busy machine. */
async function expectReached(...expected: readonly string[]): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  for (const address of expected) {
    while (!answers(address)) {
      if (performance.now() > deadline) throw new Error(`${address} does not answer`);
      await sleep(20);
    }
  }
  expect([REFUSED, GRANTED].filter((address) => !expected.includes(address) && answers(address))).toEqual([]);
}

function killAllInside(): void {
  for (const pid of machine.run(["ip", "netns", "pids", machine.name]).stdout.split("\n").filter(Boolean).map(Number)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was the listing itself.
    }
  }
}

/** What a reboot leaves: no process of awg's and no table. The kernel lets go of tables a moment after their owner's death. */
async function emptyKernel(): Promise<void> {
  killAllInside();
  const deadline = performance.now() + BOUND_MS;
  for (;;) {
    const tables = machine.run(["nft", "list", "tables"]).stdout.split("\n").filter(Boolean);
    if (tables.length === 0) return;
    if (performance.now() > deadline) throw new Error(`the tables ${tables.join(", ")} still have an owner`);
    for (const table of tables) machine.run(["nft", "delete", ...table.split(" ")], { mayFail: true });
    await sleep(50);
  }
}

function corrupt(...names: readonly string[]): void {
  for (const name of names) writeFileSync(at(`state/${name}`), "0000000 this is none of awg's\n", { mode: 0o600 });
}

/** Runs the daemon until it says this, then ends it. */
async function daemonUntil(text: string): Promise<void> {
  const words = [...program(), "daemon", "--foreground", "-f", at("config.yaml"), "--state-dir", at("state")];
  const daemon = spawn("ip", ["netns", "exec", machine.name, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => daemon.once("close", resolve));
  let said = "";
  daemon.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
  });
  try {
    const deadline = performance.now() + BOUND_MS;
    while (!said.includes(text)) {
      if (performance.now() > deadline || daemon.exitCode !== null) throw new Error(`the daemon said: ${said}`);
      await sleep(20);
    }
  } finally {
    daemon.kill("SIGTERM");
    await ended;
  }
}

describe.skipIf(reason !== undefined)(
  `law 1, B5: a machine that boots with an unreadable state${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    beforeEach(() => {
      machine = makeNamespace("unreadable");
      outside = makeNamespace("unreadable-out");
      inode = statSync(`/run/netns/${machine.name}`).ino;
      folder = temporaryFolder("unreadable");
      writeFileSync(at("config.yaml"), CONFIG);
      machine.run(["ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0", "netns", outside.name]);
      for (const [space, device, host] of [
        [machine, "out0", 1],
        [outside, "in0", 2],
      ] as const) {
        for (const prefix of ["192.0.2", "198.51.100"])
          space.run(["ip", "address", "add", `${prefix}.${host}/24`, "dev", device]);
        space.run(["ip", "link", "set", device, "up"]);
      }
    });
    afterEach(() => {
      killAllInside();
      machine[Symbol.dispose]();
      outside[Symbol.dispose]();
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    });

    test("the loaded policy stays; apply and the daemon restore a missing one; doctor's commands repair the state", async () => {
      const apply = ["apply", "-f", at("config.yaml"), "--auto-approve"] as const;
      await expectReached(REFUSED, GRANTED);
      expect(awg(...apply)).toMatchObject({ status: 0 });
      const policy = machine.run(["nft", "list", "table", "inet", "awg"]).stdout;
      corrupt("journal");
      const { status, stderr } = awg("destroy", "--auto-approve");
      expect([status, stderr]).toEqual([5, expect.stringContaining(`${at("state/journal")} is corrupt`)]);
      expect(machine.run(["nft", "list", "table", "inet", "awg"]).stdout).toBe(policy);
      await expectReached(GRANTED);

      await emptyKernel();
      await expectReached(REFUSED, GRANTED);
      const refused = awg(...apply);
      expect([refused.status, refused.stderr]).toEqual([5, expect.stringContaining("; run awg doctor")]);
      expect(refused.stderr).toContain("traffic is blocked except what the loaded packet filter allows");
      await expectReached(GRANTED);

      await emptyKernel();
      corrupt("ledger", "generation-1");
      await daemonUntil("traffic is blocked: only loopback, DHCP and NDP pass");
      await expectReached();

      const { findings } = JSON.parse(awg("doctor", "--json").stdout) as {
        readonly findings: readonly { readonly id: string; readonly remedy: readonly string[] }[];
      };
      expect(findings.map(({ id }) => id)).toContain("traffic-blocked");
      const moves = findings.flatMap(({ remedy }) => remedy.filter((line) => line.startsWith("mv ")));
      expect(moves).toHaveLength(3);
      for (const move of moves) machine.run(["sh", "-c", move]);
      expect(awg(...apply)).toMatchObject({ status: 0 });
      await expectReached(GRANTED);
      expect(awg("destroy", "--auto-approve")).toMatchObject({ status: 0 });
      await expectReached(REFUSED, GRANTED);
    });
  },
);
