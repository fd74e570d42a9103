import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isServedElsewhere } from "../../../../src/native/linux/process/engine-sockets.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { makeNamespace, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle();

const LISTEN = `import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(16)
print("there", flush=True)
time.sleep(100)`;

describe.skipIf(obstacle !== undefined)(`a control socket${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  test("is served elsewhere when another network namespace listens on its file, whatever the file's name was", async () => {
    using there = makeNamespace("sockets");
    const folder = temporaryFolder("sockets");
    const [path, bound] = [join(folder, "awg-t.sock"), join(folder, "bound")];
    const here = createServer();
    await new Promise<void>((resolve) => here.listen(path, resolve));
    const stranger = spawn("ip", ["netns", "exec", there.name, "python3", "-c", LISTEN, bound], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(stranger.stdout as NonNullable<typeof stranger.stdout>, "data");
      expect([path, bound, join(folder, "absent")].map(isServedElsewhere)).toEqual([false, true, false]);
      renameSync(path, join(folder, "kept"));
      renameSync(bound, path);
      expect([path, join(folder, "kept")].map(isServedElsewhere)).toEqual([true, false]);
      renameSync(join(folder, "kept"), path);
      expect(isServedElsewhere(path)).toBe(false);
      here.close();
      stranger.kill();
      await once(stranger, "exit");
      expect(isServedElsewhere(path)).toBe(false);
    } finally {
      here.close();
      stranger.kill();
      rmSync(folder, { recursive: true });
    }
  });
});
