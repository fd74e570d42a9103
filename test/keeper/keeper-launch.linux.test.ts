import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keeperClient } from "../../src/host/linux/keeper-client.ts";
import { AwgError } from "../../src/model/error.ts";
import { keeperPaths } from "../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";

const obstacle = commandObstacle("python3");
/** Answers whoever calls, until half a minute has passed without. */
const KEEPER = `
import json, os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
status = {"version": 1, "pid": os.getpid(), "devices": [], "tables": []}
listener.settimeout(30)
while True:
    caller, _ = listener.accept()
    if caller.recv(4096):
        caller.sendall(json.dumps({"ok": True, "status": status}).encode() + b"\\n")
`;

test("a keeper that fails at each start is reported soon: each step of a rollback asks for one", async () => {
  const client = keeperClient(keeperPaths(temporaryFolder(), 1), ["false"]);
  for (const longestMs of [10_000, 5_000]) {
    const beganMs = performance.now();
    const error = await client.ensureRunning().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AwgError);
    expect(error).toMatchObject({
      message: "the keeper did not start",
      remedy: expect.stringMatching(/^see .*log$/),
    });
    expect(performance.now() - beganMs).toBeLessThan(longestMs);
  }
}, 60_000);

test.skipIf(obstacle !== undefined)(
  `one that was found at work is waited for at length again when it is gone${obstacle ? ` (skipped: ${obstacle})` : ""}`,
  async () => {
    const folder = temporaryFolder();
    const paths = keeperPaths(folder, 1);
    const mayStart = join(folder, "may-start");
    const slow = 'test -e "$0" || exit 1; sleep 2; exec python3 -c "$1" "$2"';
    const client = keeperClient(paths, ["sh", "-c", slow, mayStart, KEEPER, paths.socket]);
    await expect(client.ensureRunning()).rejects.toThrow("the keeper did not start");
    const first: ChildProcess = spawn("python3", ["-c", KEEPER, paths.socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(first.stdout as NonNullable<typeof first.stdout>, "data");
    await client.ensureRunning();
    first.kill();
    await once(first, "exit");
    rmSync(paths.socket);
    writeFileSync(mayStart, "");
    await client.ensureRunning();
    const pid = (await client.status())?.pid;
    expect(pid).toBeGreaterThan(1);
    process.kill(pid as number, "SIGKILL");
  },
  60_000,
);
