import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const obstacle = namespaceObstacle();
const SCRIPT = fileURLToPath(new URL("./netns.script.ts", import.meta.url));

let namespace: TestNamespace;
let folder: string;
let etc: string;

function runInside(name: string, ...command: readonly string[]) {
  const file = join(folder, "call.json");
  writeFileSync(file, JSON.stringify({ name, command }));
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, file], { encoding: "utf8", timeout: 60_000 });
  return { status, stdout, stderr };
}

describe.skipIf(obstacle !== undefined)(`--netns (${obstacle ?? "on this kernel"})`, () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "awg-t-netns-"));
    namespace = makeNamespace("reexec");
    etc = `/etc/netns/${namespace.name}`;
  });
  afterEach(() => {
    namespace[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
    rmSync(etc, { recursive: true, force: true });
    removeIfEmpty("/etc/netns");
  });

  test("the command is inside, with its own files over /etc that nobody outside sees", () => {
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

  test("it ends as the command ended", () => {
    expect(runInside(namespace.name, "/bin/sh", "-c", "exit 7").status).toBe(7);
    expect(runInside(namespace.name, "/bin/sh", "-c", "kill -TERM $$").status).toBe(143);
  });

  test("a signal is handed on from the first moment: nothing goes on inside when the one outside was ended", () => {
    // What sleeps on holds none of the shell's outputs, whose end is waited for.
    const script = "trap 'exit 3' TERM; kill -TERM $PPID; sleep 30 >/dev/null 2>&1 & wait";
    for (let time = 0; time < 3; time += 1) {
      expect(runInside(namespace.name, "/bin/sh", "-c", script).status).toBe(3);
    }
  });

  test("a file of the namespace's that cannot stand over the machine's is said with what to do, and nothing is run", () => {
    mkdirSync(etc, { recursive: true });
    const told = `make ${etc}/resolv.conf a file, as /etc/resolv.conf is, or remove it`;
    const run = () => runInside(namespace.name, "/bin/echo", "run");
    symlinkSync("/nowhere", `${etc}/resolv.conf`);
    expect(run()).toEqual({ status: 99, stdout: "", stderr: expect.stringContaining(told) });
    rmSync(`${etc}/resolv.conf`);
    mkdirSync(`${etc}/resolv.conf`);
    expect(run()).toEqual({ status: 99, stdout: "", stderr: expect.stringContaining(told) });
  });

  test("a namespace that is not there, or cannot be named, is said", () => {
    expect(runInside("t-none", "/bin/true")).toMatchObject({
      status: 99,
      stderr: expect.stringContaining("no network namespace t-none"),
    });
    expect(runInside("../../proc/1/ns/net", "/bin/true").stderr).toContain("cannot be the name");
  });
});

function removeIfEmpty(path: string): void {
  if (!existsSync(path)) return;
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}
