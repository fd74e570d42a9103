import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { countOf, sized } from "../../support/size.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { BACK_WITHIN_MS, judgeSteps } from "./steps.ts";

// attack A1: each step under the judge. AWG_CYCLES plays so many cycles, AWG_MINUTES as many as fit.

const reason = whyNoLab();
const cycles = countOf("AWG_CYCLES", 3, 250);
const minutes = Number(process.env["AWG_MINUTES"] ?? Number.POSITIVE_INFINITY);
const limit = { timeout: sized(1_200_000, 4 * 3_600_000) };

describe.skipIf(reason !== undefined)(`awg step by step${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test(`A1, laws 1, 4: ${cycles} cycles of four steps, 0 leaks, traffic back within 2 s`, limit, async () => {
    const { judgement, p95Ms } = await judgeSteps(judged(), program(), { cycles, minutes });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(p95Ms).toBeLessThanOrEqual(BACK_WITHIN_MS);
  });
});
