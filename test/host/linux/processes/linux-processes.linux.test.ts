import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { linuxProcesses } from "../../../../src/host/linux/processes/linux-processes.ts";
import type { ProcessEvent, ProcessPort } from "../../../../src/host/ports/processes.ts";
import type { Program } from "../../../../src/model/program/program.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../../support/netns.ts";

const LIMIT_MS = 30_000;
const noNamespaces = namespaceObstacle();
const obstacle = process.platform === "linux" ? commandObstacle("python3", "sleep") : "needs Linux";

async function until<T>(find: () => T | undefined): Promise<T> {
  const endMs = Date.now() + LIMIT_MS;
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error("it did not come about");
    await sleep(10);
  }
}

describe.skipIf(obstacle !== undefined)(`processes${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  let folder: string;
  let port: ProcessPort;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = temporaryFolder("processes");
    port = linuxProcesses({ nowMs: () => performance.now() });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  function start(command: string, args: readonly string[]): number {
    const child = spawn(command, args, { stdio: "ignore" });
    children.push(child);
    return child.pid ?? 0;
  }

  /** The process once it runs what it was started for. */
  const running = (pid: number, isSo: (program: Program) => boolean): Promise<Program> =>
    until(() => [port.read(pid)].find((program) => program !== undefined && isSo(program)));

  test("this very process, as it knows itself", () => {
    const own = port.read(process.pid);
    expect(own).toMatchObject({ pid: process.pid, parentPid: process.ppid, uid: process.geteuid?.() });
    expect(own?.path).toBe(process.execPath);
    expect(own?.commandLine?.[0]).toBeDefined();
    // Its own clock and the kernel's count since boot agree as long as nobody sets the clock: a day is far enough.
    expect(Math.abs((own?.startedMs ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(86_400_000);
    expect(port.isAlive({ pid: process.pid, since: own?.since ?? 0n })).toBe(true);
    expect(port.isAlive({ pid: process.pid, since: (own?.since ?? 0n) + 1n })).toBe(false);
  });

  test("names and arguments of control characters, brackets and line ends stay those of one process", async () => {
    const name = "a) Z 1\n\u001b[2J";
    const script = `import time; open("/proc/self/comm", "w").write(${JSON.stringify(name)}); time.sleep(600)`;
    const pid = start("python3", ["-c", script, "evil\narg\u0007"]);
    const program = await running(pid, (one) => one.name.startsWith("a)"));
    expect(program.name).toBe(name.slice(0, 15));
    expect(program.parentPid).toBe(process.pid);
    expect(program.commandLine?.at(-1)).toBe("evil\narg\u0007");
    const listed = port.list().programs.filter((one) => one.pid === pid);
    expect(listed).toHaveLength(1);
  });

  test.skipIf(noNamespaces !== undefined)(
    `what another network namespace runs is counted, not listed (${noNamespaces ?? "here"})`,
    async () => {
      using namespace = makeNamespace("programs");
      const pid = start("ip", ["netns", "exec", namespace.name, "sleep", "600"]);
      await running(pid, ({ name }) => name === "sleep");
      const { programs, unseen } = port.list();
      expect(programs.map((program) => program.pid)).toContain(process.pid);
      expect(programs.map((program) => program.pid)).not.toContain(pid);
      expect(unseen.join("; ")).toMatch(/\d+ process(es)? in other network namespaces/);
    },
  );

  test("a file that was deleted, and one that is called so", async () => {
    const [gone, named] = [join(folder, "gone"), join(folder, "named (deleted)")];
    const original = spawnSync("which", ["sleep"], { encoding: "utf8" }).stdout.trim();
    for (const file of [gone, named]) {
      copyFileSync(original, file);
      chmodSync(file, 0o755);
    }
    const [first, second] = [start(gone, ["600"]), start(named, ["600"])];
    await running(first, ({ path }) => path === gone);
    unlinkSync(gone);
    expect(await running(first, ({ isReplaced }) => isReplaced === true)).toMatchObject({ path: gone });
    const other = await running(second, ({ path }) => path === named);
    expect(other.isReplaced).toBeUndefined();
  });

  test("processes that come and go while they are listed are whole or absent", async () => {
    const churn = spawn("sh", ["-c", "while :; do /bin/true; done"], { stdio: "ignore" });
    children.push(churn);
    for (let round = 0; round < 3; round++) {
      for (const program of port.list().programs) {
        expect(program.pid).toBeGreaterThan(0);
        expect(program.uid).toBeTypeOf("number");
      }
    }
  });

  const watchObstacle = watching();
  test.skipIf(watchObstacle !== undefined)(
    `exec and exit are reported${watchObstacle === undefined ? "" : ` (${watchObstacle})`}`,
    async () => {
      const events: ProcessEvent[] = [];
      await using _watch = port.watch((event) => events.push(event));
      const pid = start("sleep", ["0"]);
      const of = (what: "started" | "ended") =>
        until(() => events.find((event) => event.what === what && event.pid === pid));
      await of("started");
      await of("ended");
    },
  );

  const namespaces = namespaceObstacle();
  test.skipIf(namespaces !== undefined)(
    `every kind of socket has its process${namespaces === undefined ? "" : ` (${namespaces})`}`,
    () => {
      using namespace = makeNamespace("owner");
      const script = "test/host/linux/processes/sockets.script.ts";
      const report = namespace.runScript(script) as Readonly<Record<string, unknown>>;
      const { holder } = report;
      const names = ["t4", "t6", "accepted", "u4", "bound", "open6", "listening"];
      const each = Object.fromEntries(names.map((name) => [name, [holder]]));
      expect(report["found"]).toEqual(each);
      expect(report["listed"]).toEqual(each);
      expect(report).toMatchObject({
        absent: true,
        isShared: true,
        kept: [holder],
        afterwards: "none",
        stillAlive: false,
      });
    },
  );
});

/** Why the kernel does not tell of processes here; undefined when it does. */
function watching(): string | undefined {
  if (obstacle !== undefined) return obstacle;
  try {
    void linuxProcesses({ nowMs: () => 0 })
      .watch(() => {})
      [Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
