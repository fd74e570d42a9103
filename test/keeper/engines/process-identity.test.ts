import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// Fault B4: a keeper without descriptors left took its engine for dead, forgot it and could start no other beside it.
test("B4: a process that cannot be read is not treated as gone", async () => {
  const module = new URL("../../../src/keeper/process-identity.ts", import.meta.url).href;
  const script = `
    import { closeSync, openSync } from "node:fs";
    const { endProcess, isAlive, readProcessIdentity } = await import(${JSON.stringify(module)});
    const own = readProcessIdentity(process.pid);
    const gone = { pid: process.pid, startTicks: "1" };
    const before = [isAlive(own), isAlive(gone), isAlive({ pid: 2 ** 22 + 1, startTicks: "1" })];
    const held = [];
    try { for (;;) held.push(openSync("/dev/null")); } catch {}
    const without = [isAlive(own)];
    const ended = await endProcess(gone).then(() => "ended it", ({ code }) => code);
    held.forEach((fd) => closeSync(fd));
    console.log(JSON.stringify({ before, without, ended }));`;
  const argv = ["-c", 'ulimit -n 60 && exec "$0" "$@"', process.execPath, "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)("sh", argv);
  expect(JSON.parse(stdout)).toEqual({ before: [true, false, false], without: [true], ended: "EMFILE" });
});
