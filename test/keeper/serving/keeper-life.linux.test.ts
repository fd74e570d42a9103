import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KeeperFolder } from "../../../src/keeper/serving/keeper-folder.ts";
import { type LivingKeeper, serveUntilDone } from "../../../src/keeper/serving/keeper-life.ts";
import { KEEPER_PROTOCOL_VERSION, keeperPaths, renderKeeperRequest } from "../../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A keeper whose first answer takes as long as the test wants. */
class SlowKeeper implements LivingKeeper {
  readonly holdsNothing = false;
  readonly began: string[] = [];
  readonly first = Promise.withResolvers<void>();

  async answer(...[{ request }]: Parameters<LivingKeeper["answer"]>): ReturnType<LivingKeeper["answer"]> {
    this.began.push(request);
    if (this.began.length === 1) await this.first.promise;
    return { version: KEEPER_PROTOCOL_VERSION, pid: process.pid, devices: [], tables: [] };
  }
  keepRecords(): void {}
  adoptRest(): void {}
}

async function ask(path: string, request: "status" | "disarmWatchdog"): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.write(renderKeeperRequest({ request }));
  return socket;
}

test.skipIf(process.platform !== "linux")(
  "law 5: a keeper whose socket is removed at a request does nothing beside it, and lets go after it",
  async () => {
    const paths = keeperPaths(join(temporaryFolder(), "run"), 1);
    const folder = new KeeperFolder(paths);
    expect(folder.take()).toBe(true);
    const keeper = new SlowKeeper();
    const end = new AbortController();
    let hasEnded = false;
    const life = serveUntilDone(keeper, folder, { isService: false, ended: end.signal }).then(() => {
      hasEnded = true;
    });
    await expect.poll(() => existsSync(paths.socket)).toBe(true);
    await ask(paths.socket, "disarmWatchdog");
    await expect.poll(() => keeper.began).toEqual(["disarmWatchdog"]);
    rmSync(paths.socket);
    await expect.poll(() => existsSync(paths.socket)).toBe(true);
    const second = await ask(paths.socket, "status");
    end.abort();
    await expect.poll(() => existsSync(paths.socket)).toBe(false);
    expect([keeper.began, hasEnded]).toEqual([["disarmWatchdog"], false]);
    keeper.first.resolve();
    await life;
    expect(keeper.began).toEqual(["disarmWatchdog"]);
    second.destroy();
  },
);

describe.skipIf(process.platform !== "linux")(
  "the longest path of a unix socket (103 bytes, the limit of macOS)",
  () => {
    const pathsOf = (bytes: number) => {
      const run = join(temporaryFolder(), "run");
      return keeperPaths(run.padEnd(run.length + bytes - keeperPaths(run, 1).socket.length, "x"), 1);
    };

    test("is a keeper's, whatever its pid", async () => {
      const paths = pathsOf(103);
      expect(paths.socket).toHaveLength(103);
      const folder = new KeeperFolder(paths);
      expect(await folder.begin({ isService: false })).toBe(true);
      const end = new AbortController();
      const life = serveUntilDone(new SlowKeeper(), folder, { isService: false, ended: end.signal });
      await expect.poll(() => existsSync(paths.socket)).toBe(true);
      (await ask(paths.socket, "status")).destroy();
      end.abort();
      await life;
    });

    test("is reported before a longer one is created", async () => {
      const paths = pathsOf(104);
      await expect(new KeeperFolder(paths).begin({ isService: false })).rejects.toMatchObject({
        message: `the keeper's socket ${paths.socket} is 104 bytes long, and the limit for a unix socket is 103`,
        remedy: "set a shorter run folder (--run-dir)",
      });
      expect(existsSync(paths.folder)).toBe(false);
    });
  },
);
