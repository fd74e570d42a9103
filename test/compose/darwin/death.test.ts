import { describe, expect, test } from "vitest";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { addressOf } from "../../host/darwin/fake/machine.ts";
import { judgePf } from "../../host/darwin/pf/judge-pf.ts";
import { MacBook } from "./macbook.ts";

/** The writes at which a process dies; AWG_EVERY_WRITE=1 tries all of an apply and of a destroy, which are about 25 each. */
const WRITES = Array.from({ length: 25 }, (_, at) => at + 1).filter(
  (at) => process.env["AWG_EVERY_WRITE"] === "1" || at % 5 === 1,
);

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

/** Whether it died at that write; a run that has fewer ends well. */
async function diesAt(mac: MacBook, planned: Planned, at: number): Promise<boolean> {
  const last = mac.recorder.writes + at;
  mac.recorder.dieAtWrite = last;
  const hasDied = await mac.apply(planned).then(
    () => false,
    () => true,
  );
  expect(hasDied || mac.recorder.writes < last).toBe(true);
  return hasDied;
}

describe("a process that dies on a Mac (doubles at both borders)", () => {
  test.each(WRITES)(
    "law 4, law 5: at write %d of an apply, the next apply ends where the first would have",
    async (at) => {
      using mac = new MacBook();
      const hasDied = await diesAt(mac, await mac.plan(), at);
      expect(hasDied || at > 20).toBe(true);
      mac.startAgain();
      await mac.apply(await mac.plan());
      expect(stepsOf((await mac.plan()).plan)).toEqual([]);
      expect(leaks(mac)).toBe(false);
    },
  );

  test.each(WRITES)("law 1: at write %d of a destroy, nothing leaks while a route of ours exists", async (at) => {
    using mac = new MacBook();
    await mac.apply(await mac.plan());
    const hasDied = await diesAt(mac, await mac.session.planDestroy(), at);
    expect(hasDied || at > 15).toBe(true);
    const isRouted = mac.world.machine.routes.some(({ prefix }) => prefix.length === 1);
    expect(leaks(mac) && isRouted).toBe(false);
    mac.startAgain();
    await mac.apply(await mac.session.planDestroy());
    const { enabled, anchors, tokens } = mac.world.machine.pf;
    expect([enabled, [...anchors.keys()], tokens]).toEqual([false, [], []]);
  });
});
