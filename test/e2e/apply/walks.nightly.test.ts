import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { SEED } from "../../property/seed.ts";
import { Tally } from "../../property/tally.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";
import { wishesOf } from "./repeated.ts";
import { KernelWalk, walkArbitrary } from "./walks.ts";

const reason = whyNoLab();
const WALKS = Number(process.env["AWG_WALKS"] ?? 100);

describe.skipIf(reason !== undefined)(
  `walks on the real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test(`laws 5, 6: ${WALKS} walks of applies, rollbacks, trials, meddling and kills end where they began`, {
      timeout: 14_400_000,
    }, async () => {
      const { world, keys } = judged();
      const bare = await machineText(world);
      const tally = new Tally();
      const startMs = performance.now();
      for (const [index, steps] of fc.sample(walkArbitrary, { seed: SEED, numRuns: WALKS }).entries()) {
        await using awg = new AwgInWorld(world, keys, program());
        const { newcomer: _newcomer, ...wishes } = wishesOf(awg, judged());
        const walk = await KernelWalk.from(awg, world, wishes, tally);
        for (const [nth, step] of steps.entries()) {
          try {
            await walk.take(step);
          } catch (cause) {
            throw new Error(`walk ${index + 1}, step ${nth + 1} of ${JSON.stringify(steps)}`, { cause });
          }
        }
        await awg.must("destroy", "--auto-approve");
        expect(await machineText(world), `after walk ${index + 1}: ${JSON.stringify(steps)}`).toEqual(bare);
      }
      const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
      console.log(`seed ${SEED}, ${WALKS} walks in ${minutes} min\n${tally.print()}`);
      // Few walks need not meet everything.
      for (const name of ["apply", "rollback", "kill", "trial, confirm", "trial, revert", "trial, expire"])
        expect(tally.get(name), name).toBeGreaterThanOrEqual(Math.floor(WALKS / 20));
    });
  },
);
