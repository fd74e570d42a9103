import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { startDataPlane } from "../../src/dataplane/data-plane.ts";
import { AwgError } from "../../src/model/error.ts";

const isLinux = process.platform === "linux";
const script = (name: string, ...words: string[]) => {
  const file = fileURLToPath(new URL(`scripts/${name}.script.ts`, import.meta.url));
  return spawnSync(process.execPath, [file, ...words], { encoding: "utf8", timeout: 50_000 });
};

describe.skipIf(!isLinux)(`the thread of the data plane${isLinux ? "" : " (needs Linux)"}`, () => {
  it("does not keep a process from ending by process.exit", () => {
    expect(script("exit", "exit")).toMatchObject({ status: 7, signal: null });
  });

  it("does not keep a process from ending by an uncaught error", () => {
    expect(script("exit", "throw")).toMatchObject({ status: 1, signal: null });
  });

  it("stops on request, repeatedly, and refuses later requests", () => {
    expect(script("exit", "stop")).toMatchObject({
      status: 0,
      stdout: "the data plane is not running: it ended",
    });
  });

  it("can be terminated although it never returns to its event loop", () => {
    expect(script("terminate")).toMatchObject({ status: 0, stdout: "ended 1" });
  });

  it("answers in the order of the questions, and refuses in words", async () => {
    await using plane = await startDataPlane();
    const nobody = new Uint8Array(32);
    const socket = { listenPort: 0, mark: 0 };
    const settings = { name: "none", tunFd: -1, privateKey: nobody, mtuBytes: 1420, peers: [], socket };
    const [first, refused, unknown, removed] = await Promise.allSettled([
      plane.observe(),
      plane.addTunnel(settings),
      plane.rebind("none"),
      plane.remove("none"),
    ]);
    expect(first).toMatchObject({ status: "fulfilled", value: { tunnels: [] } });
    expect(refused).toMatchObject({ status: "rejected", reason: { kind: "host", facts: { errno: "EBADF" } } });
    expect((refused as PromiseRejectedResult).reason).toBeInstanceOf(AwgError);
    expect(unknown).toMatchObject({ reason: { message: "the data plane has no tunnel none" } });
    expect(removed).toMatchObject({ value: false });
  });

  it("reports a crash to its owner", async () => {
    const events: unknown[] = [];
    const program = new URL(
      "data:text/javascript,import{parentPort}from'node:worker_threads';parentPort.postMessage({kind:'ready'});setImmediate(()=>{throw new Error('a bug')})",
    );
    await using plane = await startDataPlane({ program, onEvent: (event) => events.push(event) });
    await expect.poll(() => events, { timeout: 30_000 }).toEqual([{ kind: "crashed", reason: "a bug" }]);
    await expect(plane.observe()).rejects.toThrow("the data plane is not running: a bug");
  });
});
