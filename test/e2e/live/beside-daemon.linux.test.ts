import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { tunnelConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { sized } from "../../support/size.ts";
import { API_SOCKET } from "./load/flooded-host.ts";
import { PrivateHost } from "./private-host.ts";

const ROUNDS = sized(2, 24);
const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "curl", "pgrep");

describe.skipIf(obstacle !== undefined)(
  `verbs beside a daemon${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    let host: PrivateHost;
    let daemon = 0;
    const outputs = (verbs: readonly (readonly string[])[]) =>
      verbs.map((words) => {
        const { status, stdout, stderr } = host.awg(...words);
        return [words.join(" "), status, stdout, stderr];
      });

    const ensureDaemon = async (): Promise<void> => {
      if (daemon === 0) daemon = await host.startDaemon();
    };

    beforeAll(async () => {
      host = await PrivateHost.make(temporaryFolder("beside"), program());
    }, 120_000);
    afterAll(() => host.end(), 60_000);

    test("say the same as without it, byte for byte, but for what only it knows", async () => {
      expect(host.awg("apply", "-f", host.config, "--auto-approve").status).toBe(0);
      const verbs = [
        ["validate", "-f", host.config],
        ["plan", "-f", host.config],
        ["diff", "-f", host.config],
        ["drift"],
        ["history"],
        ["get", "routes/office"],
        ["explain", "192.0.2.9:443"],
        ["verify"],
        ["capabilities"],
        ["conflicts"],
      ];
      const json = verbs.slice(0, 5).map((words) => [...words, "--json"]);
      const before = outputs([...verbs, ...json]);
      const status = host.awg("status");
      daemon = await host.startDaemon();
      expect(outputs([...verbs, ...json])).toEqual(before);
      const others = (text: string) =>
        text
          .split("\n")
          .filter((line) => !/^Daemon|daemon/.test(line))
          .map((line) => line.replaceAll(/[0-9.]+ (?:(?:s|min) (ago)|k?B (sent))/g, "$1$2"));
      expect(others(host.awg("status").stdout)).toEqual(others(status.stdout));
    });

    test("status waits for a daemon that is stopped no longer than 250 ms", async () => {
      await ensureDaemon();
      const timed = (): number => {
        const began = performance.now();
        expect(host.awg("status").status).toBe(0);
        return performance.now() - began;
      };
      const shortest = (): number => Math.min(...Array.from({ length: 5 }, timed));
      const awake = shortest();
      process.kill(daemon, "SIGSTOP");
      const stopped = shortest();
      process.kill(daemon, "SIGCONT");
      expect(stopped - awake).toBeLessThan(250);
    });

    test("an apply through the API ends new or old, whichever process is killed in the middle", async () => {
      await ensureDaemon();
      const configs = ["10.8.0.3/32", "10.8.0.4/32"].map((addresses) => {
        const file = join(host.folder, `${addresses.slice(0, -3)}.yaml`);
        writeFileSync(file, tunnelConfig({ tunnel: "office", keyFile: join(host.folder, "key"), addresses }));
        return { file, address: addresses };
      });
      const address = () =>
        /inet (\S+)/.exec(host.run(["ip", "-o", "-4", "address", "show", "dev", "office"]).stdout)?.[1];
      for (let round = 0; round < ROUNDS; round += 1) {
        const api = await host.start(host.argv("api"), "answering on ");
        const config = configs[Math.floor(round / 2) % 2];
        const body = JSON.stringify({ action: "apply", params: { config: config?.file } });
        const was = address();
        const words = [
          "curl",
          "-sS",
          "--max-time",
          "30",
          "--unix-socket",
          API_SOCKET,
          "-H",
          "Content-Type: application/json",
        ];
        const asked = host.start([...words, "-d", body, "http://awg/api/run"], "}").catch(() => undefined);
        // An apply takes 300 to 600 ms here.
        await sleep(100 + (round * 500) / ROUNDS);
        const isDaemon = round % 2 === 1;
        process.kill(isDaemon ? daemon : api, "SIGKILL");
        await asked;
        if (isDaemon) {
          process.kill(api, "SIGTERM");
          daemon = await host.startDaemon();
        }
        await expect
          .poll(() => host.awg("status", "--json").stdout, { timeout: 30_000 })
          .toContain('"openJournal":null');
        expect([was, config?.address]).toContain(address());
        await expect.poll(() => host.awg("drift", "--detailed-exitcode").status, { timeout: 30_000 }).toBe(0);
      }
    });
  },
);
