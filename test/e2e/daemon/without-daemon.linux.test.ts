import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { countOf, isFullSize, sized } from "../../support/size.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";
import { deaths, playDeaths } from "./without-daemon.ts";

// attack A2: each death; how soon traffic is back is judged at full size.

const reason = whyNoLab();
const cycles = countOf("AWG_CYCLES", 1, 10);
const engines = sized(["embedded"] as const, ["embedded", "userspace"] as const);
const backLimitMs = 3_000;

describe.skipIf(reason !== undefined)(`awg dead${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test.each(engines)(
    `A2, laws 1, 4: kill -9, then no daemon, ${cycles} times each: no leak, and a new daemon restores traffic: %s`,
    { timeout: sized(600_000, 3_600_000) },
    async (engine) => {
      const { world, keys, first } = judged();
      let longest: readonly number[] = [];
      const judgement = await judgedRun(world, expecting([first]), {
        session: sized(sessionOptions, { ...sessionOptions, limitMs: 120_000 }),
        rounds: sized(1, 3),
        setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine }),
        disturb: async (awg, session) => {
          const played = [...(await playDeaths(world, awg, session, cycles))];
          longest = played.map(([who, all]) => {
            const sorted = all.toSorted((a, b) => a - b);
            console.log(`A2, ${engine}, ${who}: back after ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)}`);
            return sorted.at(-1) ?? Number.POSITIVE_INFINITY;
          });
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(longest).toHaveLength(deaths.length);
      if (isFullSize) expect(Math.max(...longest)).toBeLessThanOrEqual(backLimitMs);
    },
  );
});
