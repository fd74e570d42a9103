import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv");

describe.skipIf(obstacle !== undefined)(
  `the daemon answers on its socket${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    const folder = temporaryFolder("live");
    const tunnel = `v${process.pid.toString(36)}`.slice(0, 10);
    let host: TestNamespace;
    let daemon: ChildProcess | undefined;
    let said = "";

    const argv = (...args: readonly string[]) => [
      process.execPath,
      program(),
      ...args,
      "--state-dir",
      join(folder, "s"),
    ];
    const awg = (...args: readonly string[]) => host.run(argv(...args), { mayFail: true });

    async function startDaemon(): Promise<ChildProcess> {
      const words = argv("daemon", "--foreground", "-f", join(folder, "c.yaml"));
      const child = spawn("ip", ["netns", "exec", host.name, ...words]);
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
      for (const endMs = Date.now() + 60_000; !said.includes("in sync"); await sleep(50)) {
        if (Date.now() > endMs) throw new Error(said);
      }
      return child;
    }

    beforeAll(async () => {
      host = makeNamespace("live");
      host.run(["ip", "link", "set", "lo", "up"]);
      host.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
      host.run(["ip", "address", "add", "192.0.2.2/24", "dev", "v0"]);
      for (const link of ["v0", "v1"]) host.run(["ip", "link", "set", link, "up"]);
      host.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
      writePrivateKey(folder);
      writeFileSync(join(folder, "c.yaml"), tunnelConfig({ tunnel, keyFile: join(folder, "key") }));
      expect(awg("events")).toMatchObject({ status: 13, stderr: expect.stringContaining("no daemon answers") });
      daemon = await startDaemon();
    }, 120_000);

    afterAll(async () => {
      if (daemon !== undefined) {
        daemon.kill("SIGTERM");
        await once(daemon, "exit");
      }
      awg("destroy", "--auto-approve");
      host[Symbol.dispose]();
    }, 60_000);

    test("wait returns when it holds, and says in time what does not", () => {
      expect(awg("wait", "--for", "protected,in-sync", "--timeout", "20s")).toMatchObject({ status: 0 });
      const late = awg("wait", "--for", "ready", "--timeout", "1s");
      expect(late.status).toBe(6);
      expect(late.stderr).toContain("not ready in time: Ready: waiting for tunnel/");
    });

    test("events lists what the daemon did, for people and as JSON", () => {
      expect(awg("events").stdout).toMatch(/Z in sync$/m);
      const lines = awg("events", "--json").stdout.trim().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toContain("inSync");
    });

    test("status says what the daemon does", () => {
      expect(awg("status").stdout).toMatch(/^Daemon \(process [0-9]+\): in sync for /m);
      expect(JSON.parse(awg("status", "--json").stdout)).toMatchObject({ daemon: { phase: "in-sync", keys: [] } });
    });

    test("law 8: a user without a role is refused before anything is read", () => {
      const refused = host.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...argv("events")], {
        mayFail: true,
      });
      expect(refused.status).toBe(77);
      expect(refused.stderr).toContain("root and members of group awg or awg-viewer only");
    });
  },
);
