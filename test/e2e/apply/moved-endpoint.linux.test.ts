import { describe, expect, test } from "vitest";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { Tethered } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useAwg, useJudgedWorld } from "../judged-world.ts";
import { PingStream } from "../ping-stream.ts";

// A server with two addresses that sends all the while: each packet from where it was moves the peer back there, which is
// how WireGuard follows who roams (paper section 2.1).

const reason = whyNoLab();
const PER_SECOND = 1000;
const engines = ["userspace", "embedded"] as const;

describe.skipIf(reason !== undefined)(
  `a server that changes its address${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 400_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const awg = useAwg(judged, program);

    /** From the server through the tunnel, and seen to arrive. */
    async function beginStream(): Promise<Tethered> {
      const { world, first } = judged();
      const ends = [world.namespace("vpn"), first.inside4, world.namespace("client"), place.v4.tunnel];
      const stream = new Tethered("stream.py", [...ends, `${PER_SECOND}`]);
      await untilGoesOn(stream);
      return stream;
    }

    async function untilGoesOn(stream: Tethered): Promise<void> {
      const seen = stream.lines.length;
      await waitFor("the stream", () => stream.lines.length > seen + 1);
    }

    test.each(engines)("law 5: each change stays in place and the stream continues: %s", async (engine) => {
      const { world, first } = judged();
      const four = awg().config({ server: first, engine });
      const six = awg().config({ server: first, engine, overIpv6: true });
      await awg().apply(four);
      await using stream = await beginStream();
      await using _answered = await PingStream.begin(world, first.inside4);
      for (const next of [six, four, six, four]) {
        await awg().apply(next);
        await untilGoesOn(stream);
        expect(await awg().run("diff", "-f", next)).toMatchObject({ status: 0 });
      }
    });

    test("law 5: a change refused by a probe is rolled back, although the server already uses its new address", async () => {
      const { first } = judged();
      const nobody = `{ name: nobody, type: tcp, target: "${first.inside4}:1", via: ${awg().tunnel}, required: true }`;
      const four = awg().config({ server: first });
      const refused = awg().config({ server: first, overIpv6: true, more: `probes: [${nobody}]` });
      await awg().apply(four);
      await using stream = await beginStream();
      const { status, stderr } = await awg().run("apply", "-f", refused, "--auto-approve");
      expect([status, stderr]).toEqual([6, expect.stringMatching(/nobody[\s\S]* was rolled back/)]);
      await untilGoesOn(stream);
      expect(await awg().run("diff", "-f", four)).toMatchObject({ status: 0 });
    });
  },
);
