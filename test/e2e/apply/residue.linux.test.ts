import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sized } from "../../support/size.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";
import { fileShape, leftOf, runFolderOf, SOCKET_FOLDERS, settleStrangers } from "./residue.ts";

const reason = whyNoLab();
const limitMs = 400_000;
/** A keeper that holds nothing ends by itself after five seconds; a busy machine may take longer. */
const keeperEndsMs = 60_000;

/** docs/reference/ownership.md, "What stays after awg destroy". */
const runFolder = ["lock.NS", "netns-NS", "netns-NS/firewall-NS", "netns-NS/keeper-NS"];
const logs = ["engine-DEVICE.log", "engine-standby.log", "log"];
const ofKeeper = [...logs, "latest-clock", "lock"].map((name) => `netns-NS/keeper-NS/${name}`);
const mayStay = new Set([...runFolder, ...ofKeeper]);
const ofState =
  /^(audit\.jsonl|generation-\d+|known-config\.json|ledger|machine\.key|proposed|resolver|secrets|secrets\/ID)$/;

const stories: Readonly<
  Record<string, (awg: AwgInWorld, configs: readonly string[], world: World) => Promise<unknown>>
> = {
  "one apply, after what a destroy did not see of an engine that died": async (awg, [first = ""], world) => {
    await awg.apply(first);
    await awg.killEverything();
    await world.inside("client", ["ip", "link", "delete", awg.device]);
    const socket = join(SOCKET_FOLDERS[0], `${awg.device}.sock`);
    renameSync(socket, `${socket}.aside`);
    await awg.must("destroy", "--auto-approve");
    renameSync(`${socket}.aside`, socket);
    expect(await awg.must("destroy", "--auto-approve")).toContain("Nothing to destroy");
    expect(existsSync(socket)).toBe(false);
    await awg.apply(first);
  },
  "another engine, another server and back": async (awg, [first = "", second = ""]) => {
    for (const config of [first, second]) await awg.apply(config);
    await awg.must("rollback", "1", "--auto-approve");
  },
  "everything of awg killed, and its device deleted": async (awg, [first = ""], world) => {
    await awg.apply(first);
    expect(await awg.killEverything()).toBeGreaterThan(1);
    await world.inside("client", ["ip", "link", "delete", awg.device]);
  },
  ...sized(
    {},
    {
      "everything of awg killed": async (awg: AwgInWorld, [, second = ""]: readonly string[]) => {
        await awg.apply(second);
        expect(await awg.killEverything()).toBeGreaterThan(1);
      },
    },
  ),
};

// Fault B12: what is left of awg, and of others, after destroy.
describe.skipIf(reason !== undefined)(
  `what remains after awg destroy${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: limitMs },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    beforeAll(() => settleStrangers(judged().world));

    test.each(Object.entries(stories))("B12, law 6: %s: only the documented files", async (_, story) => {
      const { world, keys, first, second } = judged();
      // Neither of awg's making nor well made: no newline at the end, another's mode.
      writeFileSync(world.resolvConf, "# awg was here? \u00e9\r\nnameserver 192.0.2.53\noptions ndots:3", {
        mode: 0o640,
      });
      chmodSync(world.resolvConf, 0o640);
      const resolver = fileShape(world.resolvConf);
      await using stranger = await listenAsEngine(world.deviceName("x"));
      const before = await machineText(world);
      await using awg = new AwgInWorld(world, keys, program());
      // The kernel gives the number of a namespace again, and with it the folder of an earlier one.
      const earlier = new Set(runFolderOf(awg));
      await story(
        awg,
        [awg.config({ server: first, engine: "userspace" }), awg.config({ server: second, engine: "embedded" })],
        world,
      );
      expect(await machineText(world)).not.toEqual(before);
      await awg.must("destroy", "--auto-approve");
      expect(await machineText(world)).toEqual(before);
      expect(fileShape(world.resolvConf)).toEqual(resolver);
      await waitFor("the keeper to end", async () => (await awg.processes()).length === 0, keeperEndsMs).catch(
        () => {},
      );
      const left = await leftOf(awg);
      expect(left.processes).toEqual([]);
      expect(left.sockets).toEqual([]);
      expect(left.runFolder.filter((path) => !mayStay.has(path) && !earlier.has(path))).toEqual([]);
      expect(left.stateFolder.filter((path) => !ofState.test(path))).toEqual([]);
      expect(await awg.must("history")).toContain("*");
      expect(stranger.isThere()).toBe(true);
    });
  },
);

/** Another program's engine: its socket lies where ours do. */
async function listenAsEngine(name: string): Promise<AsyncDisposable & { isThere(): boolean }> {
  const [folder] = SOCKET_FOLDERS;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.sock`);
  const server = createServer().listen(path);
  await once(server, "listening");
  const { ino } = statSync(path);
  return {
    isThere: () => statSync(path, { throwIfNoEntry: false })?.ino === ino,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
