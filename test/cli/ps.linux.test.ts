import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-code.ts";
import { linuxProcesses } from "../../src/host/linux/processes/linux-processes.ts";
import { ROOT } from "../repository/sources.ts";
import { commandObstacle } from "../support/netns.ts";

const obstacle = process.platform === "linux" ? commandObstacle("setpriv", "sleep") : "needs Linux";
const rootObstacle = obstacle ?? (process.getuid?.() === 0 ? undefined : "needs root");
const PROGRAM = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
const LIMIT_MS = 30_000;
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

interface Listed {
  readonly programs: readonly { readonly pid: number; readonly path: string | null; readonly sockets: number | null }[];
  readonly unseen: readonly string[];
  readonly rulesOf: string;
}

function ps(args: readonly string[], before: readonly string[] = []): Listed {
  const [command = "", ...rest] = [...before, process.execPath, ...PROGRAM, "ps", "--json", ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: "utf8", timeout: 60_000, cwd: "/" });
  expect([status, stderr]).toEqual([EXIT.success, ""]);
  return JSON.parse(stdout) as Listed;
}

describe.skipIf(obstacle !== undefined)(`awg ps${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const children: { kill(signal: "SIGKILL"): boolean }[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  test("shows one process of this host by its number", () => {
    const { programs } = ps(["--pid", String(process.pid)]);
    expect(programs).toMatchObject([{ pid: process.pid, path: process.execPath }]);
  });

  test("a mistaken number is a mistake", () => {
    const { status, stderr } = spawnSync(process.execPath, [...PROGRAM, "ps", "--pid", "x"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([EXIT.usage, expect.stringContaining("--pid x is no number")]);
  });

  const nobodyObstacle = rootObstacle ?? strangers();
  test.skipIf(nobodyObstacle !== undefined)(
    `without root it shows what it can, and says what it could not see${nobodyObstacle === undefined ? "" : ` (${nobodyObstacle})`}`,
    () => {
      const { programs, unseen, rulesOf } = ps(["--pid", String(process.pid)], NOBODY);
      expect(programs).toMatchObject([{ pid: process.pid, path: null, sockets: null }]);
      expect(rulesOf).toBe("nothing");
      expect(unseen.join("\n")).toContain("the accepted rules, which only root may read");
      expect(unseen.join("\n")).toContain("the sockets of ");
    },
  );

  const watchObstacle = watching();
  test.skipIf(watchObstacle !== undefined)(
    `--watch reports a program that starts, until a signal${watchObstacle === undefined ? "" : ` (${watchObstacle})`}`,
    async () => {
      const watch = spawn(process.execPath, [...PROGRAM, "ps", "--watch", "--json", "sleep"], { stdio: "pipe" });
      children.push(watch);
      let [out, err] = ["", ""];
      watch.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      watch.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
      const endMs = Date.now() + LIMIT_MS;
      const until = async (holds: () => boolean) => {
        while (!holds()) {
          if (Date.now() > endMs) throw new Error(`heard only ${out}${err}`);
          await sleep(20);
        }
      };
      await until(() => err.includes("Waiting for programs"));
      const started = spawn("sleep", ["600"], { stdio: "ignore" });
      children.push(started);
      await until(() => out.includes(`"pid":${started.pid}`));
      watch.kill("SIGINT");
      const [status] = await once(watch, "close");
      expect(status).toBe(EXIT.success);
      expect(JSON.parse(out.split("\n")[0] ?? "")).toMatchObject({ formatVersion: "1", event: "started" });
    },
  );
});

/** Why another user cannot run awg from here, or sees no processes; undefined when it can. */
function strangers(): string | undefined {
  const script = `const { readFileSync } = require("node:fs"); readFileSync(${JSON.stringify(PROGRAM[1])}); readFileSync("/proc/1/stat")`;
  const [command = "", ...rest] = [...NOBODY, process.execPath, "-e", script];
  const { status } = spawnSync(command, rest, { stdio: "ignore", cwd: "/", timeout: 60_000 });
  return status === 0 ? undefined : "another user may not read this folder, or /proc hides processes";
}

/** Why the kernel does not tell of processes here; undefined when it does. */
function watching(): string | undefined {
  if (rootObstacle !== undefined) return rootObstacle;
  try {
    void linuxProcesses({ nowMs: () => 0 })
      .watch(() => {})
      [Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
