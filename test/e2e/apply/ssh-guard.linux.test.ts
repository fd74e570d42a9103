import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Finished, tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";

const reason = whyNoLab();
const limitMs = 400_000;
const INSIDE = "10.77.0.2";

// Who came by a tunnel is cut off by whatever takes the tunnel away, with or without a policy.
describe.skipIf(reason !== undefined)(
  `SSH through a tunnel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: limitMs },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test("commands that would cut it need --accept-risk lose-ssh: destroy, no tunnels, one of two, uninstall --force", async () => {
      const { world, keys, first } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const single = awg.config({ server: first, killSwitch: false });
      const second = world.deviceName("b").slice(0, 11);
      const both = `${single}.both.yaml`;
      const more = `  ${second}: { protocol: wireguard, engine: userspace, privateKey: { file: ${world.folder}/awg.key }, addresses: [${INSIDE}/32], peers: [{ publicKey: ${first.keys.publicKey}, allowedIPs: [10.77.0.0/24] }] }`;
      writeFileSync(both, readFileSync(single, "utf8").replace("\ndefault:", `\n${more}\ndefault:`));
      const none = `${single}.none.yaml`;
      writeFileSync(none, sampleConfig("default: { via: direct }\nkillSwitch: { enabled: false }\n"));
      const untouched = await machineText(world);
      await awg.apply(both);
      const before = await machineText(world);
      const over = (server: string, ...verb: string[]): Promise<Finished> =>
        tryRun(awg.argv(...verb), "", limitMs, {
          ...process.env,
          SSH_CONNECTION: `10.77.0.1 5555 ${server} 22`,
        });
      const asked = [["destroy"], ["apply", "-f", none], ["apply", "-f", single]].map((verb) => [
        ...verb,
        "--auto-approve",
      ]);
      asked.push(["uninstall", "--force"]);
      for (const verb of asked) {
        const done = await over(INSIDE, ...verb);
        const reported = expect.stringMatching(new RegExp(`goes with awg-${second}[^]*--accept-risk lose-ssh`));
        expect([verb, done.status, done.stderr]).toEqual([verb, 64, reported]);
      }
      expect(await machineText(world)).toEqual(before);
      // By another device it is nobody's connection that goes.
      const elsewhere = await over(place.v4.client, "apply", "-f", single, "--auto-approve", "--confirm-within", "0");
      expect(elsewhere.status, elsewhere.stderr).toBe(0);
      await awg.apply(both);
      const accepted = await over(INSIDE, "destroy", "--auto-approve", "--accept-risk", "lose-ssh");
      expect(accepted.status, accepted.stderr).toBe(0);
      expect(await machineText(world)).toEqual(untouched);
      // Nobody's connection goes by it: then uninstall destroys first, and leaves nothing of awg on the machine.
      await awg.apply(both);
      await awg.must("uninstall", "--force");
      expect(await machineText(world)).toEqual(untouched);
      // S6.8: to the address of a device without a default route, answered by another.
      await world.inside("client", ["ip", "link", "add", "lan", "type", "veth", "peer", "name", "lan-end"]);
      for (const end of ["lan", "lan-end"]) await world.inside("client", ["ip", "link", "set", end, "up"]);
      await world.inside("client", ["ip", "address", "add", "10.9.8.1/24", "dev", "lan"]);
      const rules = "rules: [{ destinations: [10.77.0.0/24], via: direct }]";
      const guarded = awg.config({ server: first, more: rules });
      const unheard = await over("10.9.8.1", "apply", "-f", guarded, "--auto-approve");
      expect([unheard.status, unheard.stderr]).toEqual([64, expect.stringMatching(/S6\.8 .* 10\.9\.8\.1 is on lan,/)]);
    });
  },
);
