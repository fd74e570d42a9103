import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { Server } from "../../lab/world/wireguard.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();

describe.skipIf(reason !== undefined)(
  `the first five minutes with a provider's confs${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 180_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld;
    let folder: string;

    beforeEach(() => {
      const { world, keys } = judged();
      folder = world.folder;
      awg = new AwgInWorld(world, keys, program());
    });
    afterEach(() => awg[Symbol.asyncDispose]());

    /** As a provider hands them out: one key and one address for all servers. */
    function writeConf(name: string, { keys, address4, port, inside4 }: Server): string {
      const path = join(folder, `${name}.conf`);
      const own = `PrivateKey = ${judged().keys.privateKey}\nAddress = ${place.v4.tunnel}/32\nDNS = ${inside4}\n`;
      const peer = `PublicKey = ${keys.publicKey}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = ${address4}:${port}\n`;
      writeFileSync(path, `[Interface]\n${own}\n[Peer]\n${peer}`, { mode: 0o600 });
      return path;
    }

    async function pings(address: string): Promise<boolean> {
      const ping = ["ip", "netns", "exec", judged().world.namespace("client"), "ping", "-c1", "-W1", address];
      return (await tryRun(ping)).status === 0;
    }

    test("import, plan, apply, switch to another server, down, up, destroy", async () => {
      const { world, first, second, keys } = judged();
      await world.inside("vpn", ["wg", "set", second.device, "peer", keys.publicKey, "allowed-ips", "0.0.0.0/0"]);
      const config = join(folder, "config.yaml");
      const other = join(folder, "other.yaml");
      const resolvConf = readFileSync(world.resolvConf, "utf8");
      const [one, two] = [`${awg.tunnel.slice(0, 10)}1`, `${awg.tunnel.slice(0, 10)}2`];

      await awg.must("import", writeConf("se", first), "--name", one, "--out", config);
      expect(await awg.must("plan", "-f", config)).toContain(`+ tunnel/${one}`);
      const applied = await awg.must("apply", "-f", config, "--auto-approve");
      expect(applied).toMatch(
        new RegExp(
          `Tunnel "${one}" is up: handshake with ${first.address4}:${first.port} (?:in [0-9]+ ms|just now), DNS ${first.inside4}\\.`,
        ),
      );
      expect(await pings(first.inside4)).toBe(true);

      await awg.must("import", writeConf("de", second), "--name", two, "--out", other);
      renameSync(other, config);
      const switched = await awg.must("apply", "-f", config, "--auto-approve");
      expect(switched).toContain(`Tunnel "${two}" is up: handshake with ${second.address4}:${second.port}`);
      expect(switched).toContain("nothing leaves outside the tunnels");

      await awg.must("down", "-f", config);
      expect(await pings(place.v4.echo)).toBe(false);
      expect(await awg.must("up", "-f", config)).toContain(`Tunnel "${two}" is up`);

      await awg.must("destroy", "--auto-approve");
      expect(readFileSync(world.resolvConf, "utf8")).toBe(resolvConf);
      expect(await pings(place.v4.echo)).toBe(true);
    });
  },
);
