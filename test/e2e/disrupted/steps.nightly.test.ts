import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { playSteps } from "./steps.ts";

// security.md A1: 250 times each step under the judge. AWG_CYCLES plays so many, AWG_MINUTES as many as fit.

const reason = whyNoLab();
const cycles = Number(process.env["AWG_CYCLES"] ?? 250);
const minutes = Number(process.env["AWG_MINUTES"] ?? Number.POSITIVE_INFINITY);
const limit = { timeout: 4 * 3_600_000 };
const backLimitMs = 2_000;

describe.skipIf(reason !== undefined)(`awg step by step${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test(`A1, laws 1 and 4: ${cycles} cycles of four steps, 0 leaks, traffic back within 2 s`, limit, async () => {
    const { world, keys, first, second } = judged();
    const times: number[] = [];
    const judgement = await judgedRun(world, expecting([first, second]), {
      session: sessionOptions,
      setUp: async () => {
        const awg = new AwgInWorld(world, keys, program());
        await awg.apply(awg.config({ server: first, engine: "userspace" }));
        return awg;
      },
      disturb: async (awg, session) => {
        for (const [step, all] of Object.entries(await playSteps(judged(), awg, session, { cycles, minutes }))) {
          const sorted = all.toSorted((a, b) => a - b);
          const p95 = sorted[Math.floor(sorted.length * 0.95)];
          console.log(
            `A1, ${step}, ${all.length} times: back after ${sorted[sorted.length >> 1]} ms, p95 ${p95}, longest ${sorted.at(-1)}`,
          );
          times.push(...all);
        }
      },
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    const sorted = times.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.95)]).toBeLessThanOrEqual(backLimitMs);
  });
});
