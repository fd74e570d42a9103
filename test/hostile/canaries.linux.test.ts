import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINE_PROGRAMS } from "../../src/model/engine-program.ts";
import { ROOT } from "../repository/sources.ts";
import { tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../support/netns.ts";
import { canariesIn, keyCanary, leakingFiles } from "./canary.ts";

const hasEngine = ENGINE_PROGRAMS.wireguard.paths.some(
  (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
);
const reason =
  namespaceObstacle() ??
  tunObstacle() ??
  commandObstacle("nft", "ip") ??
  (hasEngine ? undefined : "needs wireguard-go");

const key = keyCanary("real key");
const psk = keyCanary("real psk");
const CANARIES = [key, psk];
const tunnel = `c${process.pid % 100_000}`;
const socketPath = `${ENGINE_PROGRAMS.wireguard.socketFolder}/awg-${tunnel}.sock`;

let space: TestNamespace;
let folder = "";
let inode = 0;
const at = (name: string): string => join(folder, name);
const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];

function awg(...args: readonly string[]) {
  const environment = ["env", `AWG_TEST_PSK=${psk.base64}`];
  return space.run([...environment, ...program, ...args, "--state-dir", at("state")], { mayFail: true });
}

const pidsInside = (): readonly number[] =>
  space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean).map(Number);

/** What /proc shows of a process to whoever may look: arguments, environment, the limits. */
function shownOf(pid: number): string {
  return ["cmdline", "environ", "comm", "status"]
    .map((name) => {
      try {
        return readFileSync(`/proc/${pid}/${name}`, "latin1");
      } catch {
        return "";
      }
    })
    .join("\n");
}

describe.skipIf(reason !== undefined)(
  `secrets on a real machine${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    beforeEach(() => {
      space = makeNamespace("canary");
      inode = statSync(`/run/netns/${space.name}`).ino;
      folder = temporaryFolder("canary-linux");
      writeFileSync(at("key"), `${key.base64}\n`, { mode: 0o600 });
      writeFileSync(
        at("config.yaml"),
        tunnelConfig({
          tunnel,
          keyFile: at("key"),
          settings: ["engine: userspace"],
          peer: "presharedKey: { env: AWG_TEST_PSK }",
        }),
      );
    });
    afterEach(() => {
      awg("destroy", "--auto-approve");
      for (const pid of pidsInside()) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
      space[Symbol.dispose]();
      rmSync(socketPath, { force: true });
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    });

    test("law 8: not in output, logs, state, arguments or environments of keeper and engine", {
      timeout: 240_000,
    }, async () => {
      const said: string[] = [];
      for (const args of [
        ["apply", "-f", at("config.yaml"), "--auto-approve", "--debug"],
        ["status", "--json"],
        ["get", "--json"],
        ["doctor", "--json"],
      ]) {
        const { status, stdout, stderr } = awg(...args);
        // The peer never answers, which is a fault for doctor.
        expect([status, stderr]).toEqual([args[0] === "doctor" ? 6 : 0, expect.any(String)]);
        said.push(stdout, stderr);
      }
      said.push(await daemonLog());

      const pids = pidsInside();
      const shown = pids.map(shownOf);
      expect(shown.some((text) => text.includes("keeper"))).toBe(true);
      expect(shown.some((text) => text.includes("wireguard-go"))).toBe(true);
      expect(canariesIn([...said, ...shown].join("\n"), CANARIES)).toEqual([]);

      const runFolder = `/run/awg/netns-${inode}`;
      expect(readdirSync(runFolder).length).toBeGreaterThan(0);
      expect(leakingFiles(runFolder, CANARIES)).toEqual([]);
      const files = leakingFiles(folder, CANARIES);
      expect(files.filter((file) => !/^(key|state\/secrets\/[0-9a-f]{64}): /.test(file))).toEqual([]);
      expect(new Set(files.map((file) => file.slice(file.indexOf(": ") + 2)))).toEqual(new Set([key.name, psk.name]));
    });

    test("F2: a process that reads secrets of the machine leaves no core dump", () => {
      expect(space.runScript("test/hostile/dumpable.script.ts")).toEqual({ before: true, after: false });
    });

    /** What the daemon writes in its first round and at its end. */
    async function daemonLog(): Promise<string> {
      const argv = [
        "netns",
        "exec",
        space.name,
        ...program,
        "daemon",
        "--foreground",
        "-f",
        at("config.yaml"),
        "--state-dir",
        at("state"),
      ];
      const daemon = spawn("ip", argv, {
        env: { ...process.env, AWG_TEST_PSK: psk.base64 },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let log = "";
      for (const stream of [daemon.stdout, daemon.stderr])
        stream.on("data", (chunk: Buffer) => {
          log += chunk.toString("latin1");
        });
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      try {
        for (const deadline = performance.now() + 60_000; !/in sync|done:/.test(log); await sleep(100)) {
          if (performance.now() > deadline || daemon.exitCode !== null)
            throw new Error(`the daemon never was in sync: ${log}`);
        }
      } finally {
        daemon.kill("SIGTERM");
        await ended;
      }
      return log;
    }
  },
);
