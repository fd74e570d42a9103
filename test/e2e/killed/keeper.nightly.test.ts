import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { stride } from "../crash.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { changeKilledAt, firstApplyKilledAt, twoWishes } from "./keeper-stories.ts";
import { keeperCalls } from "./killed-keeper.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 7_200_000 };

// Attack A3: the keeper killed at every side effect of its own, and each program that it starts.
describe.skipIf(reason !== undefined)(
  `the keeper killed everywhere${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(keeperCalls)("laws 1, 4 and 5: the keeper, or what it starts, killed at each %s", limit, async (call) => {
      const { world, keys, first, second } = judged();
      const wishes = twoWishes(judged());
      let changes = 0;
      let firsts = 0;
      const judgement = await judgedRun(world, expecting([first, second]), {
        session: sessionOptions,
        setUp: async () => {
          const awg = new AwgInWorld(world, keys, program());
          await awg.apply(awg.config(wishes[1]));
          return awg;
        },
        disturb: async (awg, session) => {
          [changes, firsts] = [0, 0];
          // Each way round may make another number of calls: the end of both is waited for.
          for (let n = 1, spared = 0; spared < wishes.length; n += stride) {
            for (const wish of wishes) {
              const died = await changeKilledAt(awg, session, wish, { call, n });
              changes += died ? 1 : 0;
              spared = died ? 0 : spared + 1;
            }
          }
          session.pauseJudging();
          await awg[Symbol.asyncDispose]();
          for (let n = 1; await firstApplyKilledAt(judged(), session, program(), { call, n }); n += stride) firsts += 1;
        },
      });
      console.log(
        `keeper, ${call}: killed at ${changes} places of changes, ${firsts} of a first apply; ${judgement.leaks.length} leaks`,
      );
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(changes + firsts).toBeGreaterThan(0);
    });
  },
);
