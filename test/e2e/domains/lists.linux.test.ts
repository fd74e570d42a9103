import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();
const LENGTH = 3_000;
const { echo } = place.v4;

/** So many prefixes of which none contains an address of the lab. */
const others = Array.from({ length: LENGTH }, (_, index) => `11.${index >> 8}.${index & 255}.0/25`);

describe.skipIf(reason !== undefined)(
  `lists of destinations${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 400_000 },
  () => {
    const judged = useJudgedWorld();
    let awg: AwgInWorld;

    beforeEach(() => {
      const { world, keys } = judged();
      awg = new AwgInWorld(world, keys);
    });
    afterEach(() => awg[Symbol.asyncDispose]());

    /** A config whose default and rules are these. */
    function config(defaultVia: string, rules: string): string {
      const path = awg.config({ server: judged().first, engine: "embedded", more: rules });
      const text = readFileSync(path, "utf8").replace(/^default: .*$/m, `default: { via: ${defaultVia} }`);
      writeFileSync(path, text.replace(/^dns: .*$/m, ""));
      return path;
    }

    function list(...more: string[]): string {
      const path = join(judged().world.folder, "list.txt");
      writeFileSync(path, `# a list\n${[...others, ...more].join("\n")}\n`);
      return path;
    }

    /** Packets that the tunnel's device has sent. */
    async function sentByTunnel(): Promise<number> {
      const client = judged().world.namespace("client");
      const { stdout } = await tryRun(["ip", "-n", client, "-s", "-j", "link", "show", "dev", awg.device]);
      return (JSON.parse(stdout) as { stats64: { tx: { packets: number } } }[])[0]?.stats64.tx.packets ?? 0;
    }

    async function pings(address: string): Promise<{ readonly answered: boolean; readonly byTunnel: boolean }> {
      const before = await sentByTunnel();
      const client = judged().world.namespace("client");
      const { status } = await tryRun([
        "ip",
        "netns",
        "exec",
        client,
        "ping",
        "-c",
        "3",
        "-i",
        "0.2",
        "-W",
        "2",
        address,
      ]);
      return { answered: status === 0, byTunnel: (await sentByTunnel()) - before >= 3 };
    }

    test("S4.12: a listed address takes the tunnel under a direct default, with the tunnel's own source", async () => {
      const path = config("direct", `rules: [{ destinations: [{ list: ${list(`${echo}/32`)} }], via: ${awg.tunnel} }]`);
      expect(await awg.apply(path)).toContain("prefixes");
      expect(await pings(echo)).toEqual({ answered: true, byTunnel: true });
      expect(await pings(place.v4.resolver)).toMatchObject({ byTunnel: false });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
      const rules = await tryRun(["ip", "-n", judged().world.namespace("client"), "rule"]);
      expect(rules.stdout.split("\n").length).toBeLessThan(60);
    });

    test("S4.12: a listed address goes directly under a tunnel default, with the link's own source", async () => {
      const path = config(awg.tunnel, `rules: [{ destinations: [{ list: ${list(`${echo}/32`)} }], via: direct }]`);
      await awg.apply(path);
      expect(await pings(echo)).toEqual({ answered: true, byTunnel: false });
      expect(await pings(place.v4.resolver)).toMatchObject({ byTunnel: true });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
      list();
      expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 1 });
      await awg.apply(path);
      expect(await pings(echo)).toMatchObject({ byTunnel: true });
      expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 0 });
    });
  },
);
