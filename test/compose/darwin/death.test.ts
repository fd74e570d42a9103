import { describe, expect, test } from "vitest";
import { stepsOf } from "../../../src/model/plan.ts";
import { abiObstacle } from "../../host/darwin/fake/abi.ts";
import { addressOf } from "../../host/darwin/fake/machine.ts";
import { judgePf } from "../../host/darwin/pf/judge-pf.ts";
import { MacBook } from "./macbook.ts";

/** Every how many writes a process dies; AWG_EVERY_WRITE=1 tries all. */
const STRIDE = process.env["AWG_EVERY_WRITE"] === "1" ? 1 : 5;

/** What PF would do with a question to a stranger's web server by the physical interface. */
function leaks({ world: { machine } }: MacBook): boolean {
  const { pf } = machine;
  const ours = pf.anchors.get("com.awg");
  const isCalled = pf.anchors.has("com.apple/000.awg");
  if (!pf.enabled || ours === undefined || !isCalled) return true;
  const packet = {
    direction: "out",
    device: "en0",
    source: addressOf("192.168.1.20"),
    destination: addressOf("9.9.9.9"),
    protocol: 6,
    sourcePort: 50_000,
    destinationPort: 443,
    isLaterFragment: false,
    isOpening: true,
    uid: 501,
  } as const;
  return judgePf(ours, "com.awg", packet).verdict === "pass";
}

async function writesOfAnApply(): Promise<number> {
  using mac = new MacBook();
  await mac.apply(await mac.plan());
  return mac.recorder.writes;
}

describe.skipIf(abiObstacle !== undefined)(
  `a process that dies on a Mac (${abiObstacle ?? "doubles at both borders"})`,
  () => {
    test("law 4, law 5: whatever write of an apply it dies at, the next apply ends where the first would have", async () => {
      const writes = await writesOfAnApply();
      expect(writes).toBeGreaterThan(20);
      let deaths = 0;
      for (let at = 1; at <= writes; at += STRIDE) {
        using mac = new MacBook();
        const planned = await mac.plan();
        mac.recorder.dieAtWrite = at;
        await expect(mac.apply(planned), `write ${at}`).rejects.toThrow();
        mac.startAgain();
        await mac.apply(await mac.plan());
        expect(stepsOf((await mac.plan()).plan), `write ${at}`).toEqual([]);
        expect(leaks(mac), `write ${at}`).toBe(false);
        deaths += 1;
      }
      console.log(`${deaths} deaths among ${writes} writes`);
    });

    test("law 1: whatever write of a destroy it dies at, nothing leaks before the firewall's own turn", async () => {
      using whole = new MacBook();
      await whole.apply(await whole.plan());
      const before = whole.recorder.writes;
      await whole.apply(await whole.session.planDestroy());
      const writes = whole.recorder.writes - before;
      for (let at = 1; at <= writes; at += STRIDE) {
        using mac = new MacBook();
        await mac.apply(await mac.plan());
        const planned = await mac.session.planDestroy();
        mac.recorder.dieAtWrite = mac.recorder.writes + at;
        await expect(mac.apply(planned), `write ${at}`).rejects.toThrow();
        const isOpen = leaks(mac);
        const stillRouted = mac.world.machine.routes.some(({ prefix }) => prefix.length === 1);
        expect(isOpen && stillRouted, `write ${at}`).toBe(false);
        mac.startAgain();
        await mac.apply(await mac.session.planDestroy());
        const { enabled, anchors, tokens } = mac.world.machine.pf;
        expect([enabled, [...anchors.keys()], tokens], `write ${at}`).toEqual([false, [], []]);
      }
    });
  },
);
