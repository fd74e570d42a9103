import { describe, expect, test } from "vitest";
import { judgeApplied } from "../../../src/app/doctor/applied.ts";
import { CANARIES, DISREGARDED, DISREGARDED_REMEDY } from "../../../src/model/firewall/canary.ts";
import { renderIp } from "../../../src/model/ip.ts";
import { MacDaemon } from "./mac-daemon.ts";
import { MacBook } from "./macbook.ts";

const protectedBy = async ({ session }: MacBook) =>
  (await session.status()).conditions.find(({ type }) => type === "Protected");

describe("H4: a Mac where PF disregards its rules", () => {
  test("an apply there is refused and undone: nothing is called protected", async () => {
    using mac = new MacBook();
    mac.world.machine.pf.isDisregarded = true;
    await expect(mac.apply(await mac.plan())).rejects.toMatchObject({
      kind: "verification",
      message: expect.stringContaining(`${DISREGARDED}; ${DISREGARDED_REMEDY}`),
    });
    expect((await mac.session.status()).resources).toEqual([]);
    expect(mac.world.machine.interfaces.map(({ name }) => name)).not.toContain("utun1");
  });

  test("status, plan and doctor say so of an applied one, and protected again after a restart has cured it", async () => {
    using mac = new MacBook();
    await mac.apply(await mac.plan());
    expect(await protectedBy(mac)).toMatchObject({ status: true });

    mac.world.machine.pf.isDisregarded = true;
    expect(await protectedBy(mac)).toMatchObject({ status: false, message: DISREGARDED });
    const { resources } = await mac.session.status();
    expect(resources.find(({ key }) => key === "firewall/machine")?.enforcement).toBe("best-effort");
    const [finding] = judgeApplied(resources, "awg rollback 1", true).filter(({ severity }) => severity === "fault");
    expect(finding).toMatchObject({
      id: "policy-disregarded",
      severity: "fault",
      what: `${DISREGARDED}: traffic is not protected`,
      remedy: [DISREGARDED_REMEDY],
    });
    const outside = new Set(mac.world.machine.wire.map(({ destination }) => renderIp(destination)));
    expect([...outside]).toEqual([CANARIES[0]?.address]);

    mac.world.machine.pf.isDisregarded = false;
    expect(await protectedBy(mac)).toMatchObject({ status: true, message: expect.stringContaining("kill switch") });
  });

  test("the daemon says so by its look each minute, keeps the rules loaded, and puts all right once PF acts", async () => {
    using mac = new MacBook();
    await mac.apply(await mac.plan());
    await using daemon = new MacDaemon(mac);
    await daemon.until(() => daemon.of("inSync").length > 0);

    const { pf } = mac.world.machine;
    pf.isDisregarded = true;
    await daemon.until(() => JSON.stringify(daemon.reports).includes(DISREGARDED));
    expect(JSON.stringify(daemon.reports)).toContain(DISREGARDED_REMEDY);
    expect(await protectedBy(mac)).toMatchObject({ status: false });
    expect(daemon.of("applied")).toEqual([]);
    expect([pf.enabled, pf.anchors.has("com.awg")]).toEqual([true, true]);

    pf.isDisregarded = false;
    await daemon.until(() => daemon.of("inSync").length > 1);
    expect(await protectedBy(mac)).toMatchObject({ status: true });
  });
});
