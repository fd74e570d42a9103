import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deviceOfTunnel } from "../../../src/model/ownership.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { keyFile, type Server } from "../../lab/world/wireguard.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();
/** What a provider gives an account: one key and one address for all its servers. */
const ACCOUNT = "10.77.0.2";

describe.skipIf(reason !== undefined)(
  `two servers of one account${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld;

    beforeEach(async () => {
      const { world, keys, first, second } = judged();
      awg = new AwgInWorld(world, keys, program());
      for (const [table, server] of [first, second].entries()) await acceptAccount(server, 101 + table);
    });
    afterEach(() => awg[Symbol.asyncDispose]());

    /** The server accepts the account's address, and answers it through the device that it was asked on. */
    async function acceptAccount({ device, inside4 }: Server, table: number): Promise<void> {
      const { world, keys } = judged();
      await world.inside("vpn", ["wg", "set", device, "peer", keys.publicKey, "allowed-ips", `${ACCOUNT}/32`]);
      await world.inside("vpn", ["ip", "route", "replace", `${ACCOUNT}/32`, "dev", device, "table", `${table}`]);
      await world.inside("vpn", ["ip", "rule", "add", "from", inside4, "lookup", `${table}`]);
    }

    test.each(["userspace", "embedded"])("stand in one config and carry by rules: %s", async (engine) => {
      const { world, keys, first, second } = judged();
      const names = [`${awg.tunnel}-wg-001`, `${awg.tunnel}-wg-002`] as const;
      const key = keyFile(world, "account.key", keys.privateKey);
      const tunnel = (name: string, server: Server) => `  ${name}:
    protocol: wireguard
    engine: ${engine}
    privateKey: { file: ${key} }
    addresses: [${ACCOUNT}/32]
    peers:
      - { publicKey: ${server.keys.publicKey}, endpoint: "${server.address4}:${server.port}", allowedIPs: [0.0.0.0/0] }
`;
      const path = join(world.folder, `account-${engine}.yaml`);
      const text = `tunnels:\n${tunnel(names[0], first)}${tunnel(names[1], second)}rules: [{ destinations: [${second.inside4}], via: ${names[1]} }]
default: { via: ${names[0]} }
killSwitch: { enabled: true }
`;
      writeFileSync(path, sampleConfig(text), { mode: 0o600 });
      const applied = await awg.run("apply", path, "--auto-approve");
      expect([applied.status, applied.stderr]).toEqual([0, expect.stringContaining("[duplicate-address]")]);
      for (const [index, server] of [first, second].entries()) {
        const device = deviceOfTunnel(names[index] ?? "");
        expect(device).toHaveLength(15);
        const ping = await world.inside("client", ["ping", "-c", "3", "-i", "0.2", "-W", "2", server.inside4]);
        expect(ping).toContain(" 0% packet loss");
        const sent = await world.inside("client", ["cat", `/sys/class/net/${device}/statistics/tx_packets`]);
        expect(Number(sent)).toBeGreaterThanOrEqual(3);
      }
      expect(await awg.apply(path)).toContain("No changes.");
      await awg.must("destroy", "--auto-approve");
    });
  },
);
