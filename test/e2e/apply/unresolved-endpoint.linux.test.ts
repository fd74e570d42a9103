import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { NameServer, names } from "../daemon/name-server.ts";
import { useJudgedWorld } from "../judged-world.ts";

// A provider's split tunnel with DNS inside it: the name of its endpoint is asked before there is a tunnel, and again
// while the system's resolver is already behind it.

const reason = whyNoLab();
const [nameServer] = names.bootstrap;

describe.skipIf(reason !== undefined)(
  `an endpoint whose name does not resolve${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld;
    let config: string;

    beforeEach(() => {
      const { world, keys, first } = judged();
      awg = new AwgInWorld(world, keys, program());
      writeFileSync(world.resolvConf, `nameserver ${nameServer}\n`);
      config = join(world.folder, "split.yaml");
      const text = sampleConfig(`tunnels:
  ${awg.tunnel}:
    protocol: wireguard
    privateKey: { file: ${join(world.folder, "awg.key")} }
    addresses: [${place.v4.tunnel}/32]
    peers: [{ publicKey: ${first.keys.publicKey}, endpoint: "${names.name}:${first.port}", allowedIPs: [10.8.0.0/24] }]
rules: [{ name: office, destinations: [10.8.0.0/24], via: ${awg.tunnel} }]
default: { via: direct }
dns: { servers: [${first.inside4}], via: ${awg.tunnel} }
`);
      writeFileSync(config, text);
    });
    afterEach(() => awg[Symbol.asyncDispose]());

    async function carries(): Promise<boolean> {
      const { world, first } = judged();
      const ping = ["ip", "netns", "exec", world.namespace("client"), "ping", "-c1", "-W1", first.inside4];
      return (await tryRun(ping)).status === 0;
    }

    test("is asked of the host's own resolver, past the tunnel, by the next apply", async () => {
      const { world, first } = judged();
      const { status, stderr } = await awg.run("apply", "-f", config, "--auto-approve");
      expect([status, stderr]).toEqual([0, expect.stringContaining(`resolving ${names.name} …`)]);
      expect(readFileSync(world.resolvConf, "utf8")).toContain(first.inside4);
      expect(await carries()).toBe(false);
      await using _names = await NameServer.start(world, first);
      await awg.apply(config);
      expect(await carries()).toBe(true);
      expect(await awg.must("apply", "-f", config, "--auto-approve")).toContain("No changes");
    });

    test("is asked again by the daemon, within seconds of the name server's return", async () => {
      const { world, first } = judged();
      await awg.apply(config);
      const [command = "", ...rest] = awg.argv("daemon", "--foreground", "-f", config);
      const daemon = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"] });
      let log = "";
      daemon.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
      try {
        await waitFor("a report of the name", () => log.includes(`cannot resolve ${names.name}`), 20_000);
        await using _names = await NameServer.start(world, first);
        await waitFor("the tunnel", carries, 20_000);
      } finally {
        daemon.kill("SIGTERM");
        await new Promise((resolve) => daemon.once("exit", resolve));
      }
    });
  },
);
