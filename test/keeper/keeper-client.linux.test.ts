import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keeperClient } from "../../src/host/linux/keeper-client.ts";
import { type KeeperPaths, keeperPaths } from "../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";

const obstacle = commandObstacle("python3");
/** Hears the first who calls, answers after so many seconds, and ends. */
const SLOW_KEEPER = `
import json, os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
caller, _ = listener.accept()
time.sleep(float(sys.argv[2]))
status = {"version": 1, "pid": os.getpid(), "devices": [], "tables": []}
caller.sendall(json.dumps({"ok": True, "status": status}).encode() + b"\\n")`;

let folder = "";
let paths: KeeperPaths;
let keeper: ChildProcess | undefined;

async function startSlowKeeper(answersAfterSeconds: number): Promise<number | undefined> {
  const argv = ["-c", SLOW_KEEPER, paths.socket, String(answersAfterSeconds)];
  const started = spawn("python3", argv, { stdio: ["ignore", "pipe", "ignore"] });
  keeper = started;
  await once(started.stdout, "data");
  return started.pid;
}

describe.skipIf(obstacle !== undefined)(`a keeper that is slow${obstacle ? ` (skipped: ${obstacle})` : ""}`, () => {
  beforeEach(() => {
    folder = temporaryFolder("t-keeper");
    paths = keeperPaths(folder, 1);
    mkdirSync(paths.folder, { recursive: true });
  });
  afterEach(() => {
    keeper?.kill("SIGKILL");
  });

  test("is read two seconds after the request", async () => {
    const pid = await startSlowKeeper(2);
    expect(await keeperClient(paths, []).status()).toMatchObject({ pid, devices: [] });
  });

  test("is waited for five seconds in all, and the message says so", async () => {
    const pid = await startSlowKeeper(5.8);
    await expect(keeperClient(paths, []).status()).rejects.toThrow(
      expect.objectContaining({
        message: `the keeper (process ${pid}) behind ${paths.socket} did not answer for 5 s`,
        facts: { errno: "ETIMEDOUT", pid, stopped: false },
      }),
    );
  });
});
