import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const obstacle = namespaceObstacle();
const PROGRAM = fileURLToPath(new URL("../../../src/cli/awg.ts", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./netns.script.ts", import.meta.url));

let namespace: TestNamespace;
let folder: string;
let etc: string;

function runInside(name: string, ...command: readonly string[]) {
  const file = join(folder, "call.json");
  writeFileSync(file, JSON.stringify({ name, command }));
  return spawnSync(process.execPath, [SCRIPT, file], { encoding: "utf8", timeout: 60_000 });
}

describe.skipIf(obstacle !== undefined)(`--netns (${obstacle ?? "on this kernel"})`, () => {
  beforeEach(() => {
    folder = temporaryFolder("t-netns");
    namespace = makeNamespace("reexec");
    etc = `/etc/netns/${namespace.name}`;
  });
  afterEach(() => {
    namespace[Symbol.dispose]();
    rmSync(etc, { recursive: true, force: true });
    removeIfEmpty("/etc/netns");
  });

  test("the command runs inside, with its own files over /etc, invisible outside", () => {
    mkdirSync(etc, { recursive: true });
    writeFileSync(`${etc}/resolv.conf`, "nameserver 192.0.2.99\n");
    const outside = readFileSync("/etc/resolv.conf", "utf8");
    const { status, stdout } = runInside(
      namespace.name,
      "/bin/sh",
      "-c",
      "readlink /proc/self/ns/net; cat /etc/resolv.conf",
    );
    const inode = namespace.run(["readlink", "/proc/self/ns/net"]).stdout;
    expect(stdout).toBe(`${inode}nameserver 192.0.2.99\n`);
    expect(status).toBe(0);
    expect(readFileSync("/etc/resolv.conf", "utf8")).toBe(outside);
  });

  test("the process that was started becomes the command: it has its number, ends as it ends, and no other is left", () => {
    const { pid, stdout } = runInside(namespace.name, "/bin/sh", "-c", "echo $$");
    expect(stdout).toBe(`${pid}\n`);
    expect(runInside(namespace.name, "/bin/sh", "-c", "exit 7")).toMatchObject({ status: 7, stderr: "" });
    expect(runInside(namespace.name, "/bin/sh", "-c", "kill -TERM $$")).toMatchObject({
      status: null,
      signal: "SIGTERM",
    });
  });

  test("killed, a daemon leaves no other that goes on", async () => {
    const config = join(folder, "config.yaml");
    writeFileSync(config, sampleConfig("default: { via: direct }\n"), { mode: 0o600 });
    const words = [
      "daemon",
      "--foreground",
      "-f",
      config,
      "--netns",
      namespace.name,
      "--state-dir",
      join(folder, "state"),
    ];
    const daemon = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PROGRAM, ...words]);
    const ended = once(daemon, "exit");
    try {
      for await (const text of daemon.stderr.setEncoding("utf8")) if (text.includes("reading the host again")) break;
      expect(daemonsIn(namespace)).toEqual([daemon.pid]);
      daemon.kill("SIGKILL");
      expect(await ended).toEqual([null, "SIGKILL"]);
      expect(daemonsIn(namespace)).toEqual([]);
    } finally {
      for (const pid of daemonsIn(namespace)) process.kill(pid, "SIGKILL");
    }
  });

  test("a file that cannot be mounted over the host's is reported with a remedy, and nothing is run", () => {
    mkdirSync(etc, { recursive: true });
    const reported = `make ${etc}/resolv.conf a file, as /etc/resolv.conf is, or remove it`;
    const run = () => runInside(namespace.name, "/bin/echo", "run");
    symlinkSync("/nowhere", `${etc}/resolv.conf`);
    expect(run()).toMatchObject({ status: 99, stdout: "", stderr: expect.stringContaining(reported) });
    rmSync(`${etc}/resolv.conf`);
    mkdirSync(`${etc}/resolv.conf`);
    expect(run()).toMatchObject({ status: 99, stdout: "", stderr: expect.stringContaining(reported) });
  });

  test("a namespace that is not there, or cannot be named, is said", () => {
    expect(runInside("t-none", "/bin/true")).toMatchObject({
      status: 99,
      stderr: expect.stringContaining("no network namespace t-none"),
    });
    expect(runInside("../../proc/1/ns/net", "/bin/true").stderr).toContain("cannot be the name");
  });
});

/** Numbers of processes; a keeper may run beside. */
function daemonsIn({ name, run }: TestNamespace): number[] {
  const pids = run(["ip", "netns", "pids", name]).stdout.split("\n").filter(Boolean);
  const commandOf = (pid: string) => run(["cat", `/proc/${pid}/cmdline`], { mayFail: true }).stdout;
  return pids.filter((pid) => commandOf(pid).includes("\0daemon\0")).map(Number);
}

function removeIfEmpty(path: string): void {
  if (!existsSync(path)) return;
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}
