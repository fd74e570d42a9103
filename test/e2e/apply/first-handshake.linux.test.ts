import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { newKeyPair } from "../../lab/world/wireguard.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useAwg, useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();
const engines = ["userspace", "embedded"] as const;

describe.skipIf(reason !== undefined)(
  `the first handshake after an apply${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const awg = useAwg(judged, program);

    test.each(engines)("is made and reported, without any other traffic: %s", async (engine) => {
      const { first } = judged();
      const quiet = quietConfig(awg().config({ server: first, engine }));
      const up = `\nApplied and verified \\(generation 1\\)\\.\nTunnel "${awg().tunnel}" is up: handshake with ${place.v4.server}:${first.port} (?:in [0-9]+ ms|just now), DNS ${first.inside4}\\.\n$`;
      expect(await awg().apply(quiet)).toMatch(new RegExp(up));
      expect(await awg().apply(quiet)).toBe("No changes. The host is as the config says.\n");
    });

    test.each(engines)("that does not come is said after 5 s, with what to try; exit 0: %s", async (engine) => {
      const { first } = judged();
      const wrong = { ...first, keys: await newKeyPair() };
      const config = quietConfig(awg().config({ server: wrong, engine }));
      const beganMs = performance.now();
      const { status, stdout, stderr } = await awg().run("apply", "-f", config, "--auto-approve");
      const tookMs = performance.now() - beganMs;
      const silent = `Tunnel "${awg().tunnel}" has no handshake yet: ${place.v4.server}:${first.port} did not answer in 5 s.`;
      expect([status, stdout]).toEqual([0, expect.stringContaining(silent)]);
      expect(stdout).toContain("Check the endpoint, its port and the peer's public key; then run: awg doctor --netns");
      expect(stderr).toContain(`waiting for the first handshake of ${awg().tunnel} …`);
      expect(tookMs).toBeLessThan(15_000);
      const again = await awg().run("apply", "-f", config, "--auto-approve", "--json");
      expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, tunnels: [{ state: "silent" }] });
    });

    test("is not enough where no packet enters the device", async () => {
      const { world, first } = judged();
      const drop = `table inet rival { chain out { type filter hook output priority 400; oifname ${awg().device} drop; }; }`;
      await world.inside("client", ["nft", "-f", "-"], drop);
      const done = await awg().run("apply", "-f", awg().config({ server: first }), "--auto-approve", "--json");
      await world.inside("client", ["nft", "delete", "table", "inet", "rival"]);
      expect(done.status).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ tunnels: [{ tunnel: awg().tunnel, state: "stuck" }] });
    });
  },
);

/** Without keepalives: nothing but the apply itself makes the engine shake hands. */
function quietConfig(path: string): string {
  writeFileSync(path, readFileSync(path, "utf8").replace(/ +persistentKeepalive: .*\n/, ""));
  return path;
}
