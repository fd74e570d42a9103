import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { DisruptedAwg } from "../disrupted/disrupted-awg.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { deaths, playDeaths } from "./without-daemon.ts";

// Attack A2 at length. AWG_CYCLES plays fewer.

const reason = whyNoLab();
const cycles = Number(process.env["AWG_CYCLES"] ?? 10);
const backLimitMs = 3_000;

describe.skipIf(reason !== undefined)(`awg dead, often${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test.each(["embedded", "userspace"] as const)(
    `A2, laws 1 and 4: ${cycles} times each death, 0 leaks, traffic back within 3 s of the daemon's start: %s`,
    { timeout: 3_600_000 },
    async (engine) => {
      const { world, keys, first } = judged();
      const slowest: number[] = [];
      const judgement = await judgedRun(world, expecting([first]), {
        session: { ...sessionOptions, limitMs: 120_000 },
        setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine }),
        disturb: async (awg, session) => {
          for (const [who, all] of await playDeaths(world, awg, session, cycles)) {
            const sorted = all.toSorted((a, b) => a - b);
            console.log(`A2, ${engine}, ${who}: back after ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)}`);
            slowest.push(sorted.at(-1) ?? Infinity);
          }
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(slowest).toHaveLength(deaths.length);
      expect(Math.max(...slowest)).toBeLessThanOrEqual(backLimitMs);
    },
  );
});
