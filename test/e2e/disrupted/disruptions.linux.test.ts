import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { tellStory } from "./disruptions.ts";

// Attacks A1, A2, A7, A10–A15 with the daemon at work: zero packets outside the tunnel, and the machine comes back.

const reason = whyNoLab();
const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const count = 40;
/** Three times what is demanded of a quiet machine. */
const recoveryLimitMs = 90_000;
const limitMs = 1_200_000;

describe.skipIf(reason !== undefined)(`awg disrupted${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test(`laws 1 and 4: ${count} disruptions, nothing leaks and everything comes back`, {
    timeout: limitMs,
  }, async () => {
    const story = { seed, count, limitMs: recoveryLimitMs };
    const build = { program: program(), engine: "embedded" } as const;
    let told = await tellStory(judged(), story, build);
    // As in judgedRun: a run that proves nothing is repeated, a leak never.
    if (told.judgement.outcome === "invalid") told = await tellStory(judged(), story, build);
    const { judgement, played, text } = told;
    expect(judgement.outcome, text).toBe("pass");
    expect(
      played.filter(({ complaint }) => complaint !== undefined),
      text,
    ).toEqual([]);
  });
});
