import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";

const reason = whyNoLab();
const title = `probes around an apply${reason === undefined ? "" : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, { timeout: 400_000 }, () => {
  const judged = useJudgedWorld();

  test("law 5: a required probe through the tunnel decides whether an apply is kept", async () => {
    const { world, keys, first } = judged();
    await using awg = new AwgInWorld(world, keys);
    const probe = (port: number) =>
      `probes: [{ name: inside, type: tcp, target: "${first.inside4}:${port}", via: ${awg.tunnel}, required: true, timeout: 3s },
  { name: peer, type: ping, target: ${first.inside4}, required: true }]`;
    const before = await machineText(world);
    const closed = await awg.run("apply", "--auto-approve", "-f", awg.config({ server: first, more: probe(1) }));
    expect([closed.status, closed.stderr]).toEqual([6, expect.stringContaining("probe inside failed")]);
    expect(await machineText(world)).toEqual(before);
    const pinged = awg.config({ server: first, more: probe(1).replace(/\{ name: inside.*?\},/s, "") });
    const held = await awg.run("apply", "--auto-approve", "-f", pinged);
    expect([held.status, held.stderr]).toEqual([0, expect.stringContaining("probe peer: answered in")]);
    expect((await awg.run("diff", "-f", pinged)).status).toBe(0);
    await awg.must("destroy", "--auto-approve");
  });
});
