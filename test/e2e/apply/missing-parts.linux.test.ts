import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useAwg, useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();

describe.skipIf(reason !== undefined)(
  `what a host lacks for an apply${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 60_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const awg = useAwg(judged, program);

    test("plan warns of dns.servers in a namespace without its own resolv.conf, which apply refuses", async () => {
      const { world, first } = judged();
      const config = awg().config({ server: first });
      rmSync(world.resolvConf);
      try {
        const refusal =
          "/etc/resolv.conf in this network namespace belongs to the whole host, so awg does not write it";
        const planned = await awg().run("plan", "-f", config);
        const remedy = `create /etc/netns/${world.namespace("client")}/resolv.conf`;
        const said = `${planned.stdout}${planned.stderr}`;
        expect([planned.status, said]).toEqual([0, expect.stringContaining(`${refusal}; ${remedy}`)]);
        const applied = await awg().run("apply", "-f", config, "--auto-approve");
        expect([applied.status, applied.stderr]).toEqual([8, expect.stringContaining(`awg: ${refusal}`)]);
      } finally {
        writeFileSync(world.resolvConf, `nameserver ${place.v4.router}\n`);
      }
    });

    test("without /dev/net/tun plan says how to get it", async () => {
      const config = awg().config({ server: judged().first });
      const inMounts = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"];
      const { status, stderr } = await tryRun([...inMounts, ...awg().argv("plan", "-f", config)]);
      const remedy = "cannot open /dev/net/tun; run modprobe tun, or give the container the device";
      expect([status, stderr]).toEqual([12, expect.stringContaining(remedy)]);
    });
  },
);
