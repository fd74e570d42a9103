import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";
import { type Applied, applyOver, shapeOf, wishesOf } from "./repeated.ts";

const reason = whyNoLab();
const APPLIES = Number(process.env["AWG_APPLIES"] ?? 105);
/** Heaps grow until they are collected. */
const SLACK_KIB = 24 * 1024;

describe.skipIf(reason !== undefined)(
  `awg applied again and again${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test(`B11, laws 3 and 6: ${APPLIES} applies leave what the first ones left`, { timeout: 3_600_000 }, async () => {
      const { world, keys } = judged();
      const bare = await machineText(world);
      await using awg = new AwgInWorld(world, keys, program());
      const wishes = wishesOf(awg, judged());
      const applied = await applyOver(awg, judged(), wishes, APPLIES);
      const cycle = Object.keys(wishes).length;
      for (const [index, one] of applied.entries()) {
        const before = applied[index - cycle];
        if (before !== undefined) expect.soft(shapeOf(one), `apply ${index + 1}, ${one.wish}`).toEqual(shapeOf(before));
        expect.soft(one.logs, `apply ${index + 1}`).toBeLessThan(20);
        expect.soft(one.generations, `apply ${index + 1}`).toBe(Math.min(index + 1, 50));
      }
      const [early, late] = [applied.slice(cycle, 4 * cycle), applied.slice(-3 * cycle)];
      console.log(`${APPLIES} applies, of ${cycle} configurations: ${figuresOf(early)}; ${figuresOf(late)}`);
      expect(most(late, "residentKib")).toBeLessThan(most(early, "residentKib") + SLACK_KIB);
      expect(most(late, "descriptors")).toBeLessThan(most(early, "descriptors") + 3);
      // Processor time, in turns of all configurations: the wall's is the machine's.
      expect(mean(late, "cpuMs")).toBeLessThan(1.3 * mean(early, "cpuMs"));
      await awg.must("destroy", "--auto-approve");
      expect(await machineText(world)).toEqual(bare);
    });
  },
);

function figuresOf(applied: readonly Applied[]): string {
  const secrets = applied.at(-1)?.secrets;
  return `${mean(applied, "cpuMs")} ms of processor time each, keeper at most ${most(applied, "residentKib")} KiB and ${most(applied, "descriptors")} descriptors, ${secrets} secrets`;
}

function mean(applied: readonly Applied[], figure: "cpuMs"): number {
  return Math.round(applied.reduce((sum, one) => sum + one[figure], 0) / applied.length);
}

function most(applied: readonly Applied[], figure: "residentKib" | "descriptors"): number {
  return Math.max(...applied.map((one) => one[figure]));
}
