import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import type { Session } from "../lab/judge/session.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import type { Server } from "../lab/world/wireguard.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import type { AwgInWorld } from "./awg-in-world.ts";
import {
  applyKilledAt,
  crashCalls,
  expectKilled,
  firstCrashCalls,
  firstPlaceOf,
  firstPlaceOfFirstApply,
  stride,
} from "./crash.ts";
import { awgWithFirst, expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";
import { killDestroy, killFirstApply } from "./killed/verb-stories.ts";
import { machineText } from "./machine-text.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 7_200_000 };

// Attack A3: kill -9 at every side effect, until the verb runs to its end.
describe.skipIf(reason !== undefined)(
  `awg killed everywhere${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(crashCalls)("laws 1, 4 and 5: a change of server killed at each %s", limit, async (call) => {
      const { first, second } = judged();
      await underTheJudge("change of server", call, [first, second], async (awg, session) => {
        let killed = 0;
        const begin = await firstPlaceOf(call, awg, awg.argv("diff", "-f", awg.config({ server: first })));
        for (let n = begin, server = second; ; n += stride, server = server === first ? second : first) {
          const config = awg.config({ server });
          const isKilled = await applyKilledAt(awg, config, call, n);
          await session.rounds(1);
          await awg.apply(config);
          expect((await awg.run("diff", "-f", config)).status, `after ${call} ${n}`).toBe(0);
          if (!isKilled) return killed;
          killed += 1;
        }
      });
    });

    test.each(firstCrashCalls)("laws 1, 5 and 6: a first apply killed at each %s", limit, async (call) => {
      const { first } = judged();
      await underTheJudge("first apply", call, [first], async (standing, session) => {
        let killed = 0;
        const begin = await firstPlaceOfFirstApply(call, standing, standing.config({ server: first }));
        session.pauseJudging();
        await standing[Symbol.asyncDispose]();
        for (let n = begin; (await killFirstApply(judged(), session, program(), [call, n])).killed; n += stride)
          killed += 1;
        return killed;
      });
    });

    test.each(crashCalls)("laws 1, 5 and 6: a destroy killed at each %s", limit, async (call) => {
      const { first } = judged();
      await underTheJudge("destroy", call, [first], async (awg, session, before) => {
        let killed = 0;
        const begin = await firstPlaceOf(call, awg, awg.argv("diff", "-f", awg.config({ server: first })));
        for (let n = begin; await killDestroy(judged(), session, awg, [call, n], before); n += stride) {
          killed += 1;
          await awg.apply(awg.config({ server: first }));
          await session.resumeJudging();
        }
        return killed;
      });
    });

    /** `story` is told about a machine that has been under the judge since its first apply; it gives how often it killed. */
    async function underTheJudge(
      verb: string,
      call: string,
      servers: readonly Server[],
      story: (awg: AwgInWorld, session: Session, before: Record<string, string>) => Promise<number>,
    ): Promise<void> {
      const { world } = judged();
      const before = await machineText(world);
      let killed = 0;
      const judgement = await judgedRun(world, expecting(servers), {
        session: sessionOptions,
        setUp: () => awgWithFirst(judged(), program()),
        disturb: async (awg, session) => {
          killed = await story(awg, session, before);
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expectKilled(verb, call, killed);
    }
  },
);
