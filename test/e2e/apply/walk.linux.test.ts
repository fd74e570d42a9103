import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";

const reason = whyNoLab();
const title = `a walk through generations${reason === undefined ? "" : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, { timeout: 400_000 }, () => {
  const judged = useJudgedWorld();

  test("laws 5, 6: rollbacks back and forth restore each generation exactly; drift is reported and repaired", async () => {
    const { world, keys, first } = judged();
    const bare = await machineText(world);
    await using awg = new AwgInWorld(world, keys);
    await awg.apply(awg.config({ server: first }));
    const one = await machineText(world);
    await awg.apply(awg.config({ server: first, allowLan: true }));
    expect(await machineText(world)).not.toEqual(one);
    expect((await awg.run("diff", "@1", "@2")).status).toBe(1);
    await awg.must("rollback", "1", "--auto-approve");
    expect(await machineText(world)).toEqual(one);
    expect((await awg.run("drift", "--detailed-exitcode")).status).toBe(0);

    await world.inside("client", ["ip", "link", "set", "dev", awg.device, "mtu", "1300"]);
    const drift = await awg.run("drift", "--detailed-exitcode", "--json");
    expect(drift.status).toBe(2);
    expect(JSON.parse(drift.stdout)["drift"]).toEqual([
      expect.objectContaining({
        key: `link/${awg.tunnel}`,
        fields: [expect.objectContaining({ field: "/mtuBytes", after: 1300 })],
      }),
    ]);
    await awg.must("rollback", "1", "--auto-approve");
    expect(await machineText(world)).toEqual(one);
    expect((await awg.run("diff", "@1")).status).toBe(0);

    await awg.must("destroy", "--auto-approve");
    expect(await machineText(world)).toEqual(bare);
  });
});
