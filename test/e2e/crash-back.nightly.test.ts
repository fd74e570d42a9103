import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import type { Session } from "../lab/judge/session.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import {
  crashCalls,
  expectKilled,
  firstPlaceOf,
  generationBefore,
  rollbackKilledAt,
  stateCalls,
  verdictKilledAt,
} from "./crash.ts";
import { expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";
import { Waiting } from "./waiting.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 7_200_000 };

// Attack A3 for the verbs that lead back: kill -9 at every side effect, until the verb runs to its end.
describe.skipIf(reason !== undefined)(
  `the ways back killed everywhere${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(crashCalls)("laws 1, 4 and 5: a rollback killed at each %s", limit, async (call) => {
      await underTheJudge("rollback", call, async (awg, _session, [one, two]) => {
        await awg.apply(two);
        let killed = 0;
        const begin = await firstPlaceOf(call, awg, awg.argv("diff", "-f", two));
        for (let n = begin, [stands, wanted] = [two, one]; ; n += 1, [stands, wanted] = [wanted, stands]) {
          const generation = await generationBefore(awg);
          if (!(await rollbackKilledAt(awg, generation, call, n))) return killed;
          killed += 1;
          await awg.must("rollback", String(generation), "--auto-approve");
          await expectInSync(awg, wanted, `after ${call} ${n}`);
        }
      });
    });

    test.each(crashCalls)(
      "laws 1, 4 and 5: a revert of what nobody confirmed killed at each %s",
      limit,
      async (call) => {
        await underTheJudge("revert", call, async (awg, session, [one, two]) => {
          let killed = 0;
          const begin = await firstPlaceOf(call, awg, awg.argv("diff", "-f", one));
          for (let n = begin; ; n += 1) {
            await using waiting = await Waiting.begin(awg, two, "1h");
            waiting.kill();
            const isKilled = await verdictKilledAt(awg, "revert", call, n);
            await session.rounds(1);
            await awg.must("revert");
            await expectInSync(awg, one, `after ${call} ${n}`);
            await expectNothingAwaited(awg, `after ${call} ${n}`);
            if (!isKilled) return killed;
            killed += 1;
          }
        });
      },
    );

    test.each(stateCalls)("laws 1, 4 and 5: a confirmation killed at each %s", limit, async (call) => {
      await underTheJudge("confirm", call, async (awg, session, [one, two]) => {
        let killed = 0;
        const begin = await firstPlaceOf(call, awg, awg.argv("diff", "-f", one));
        for (let n = begin, [stands, wanted] = [one, two]; ; n += 1, [stands, wanted] = [wanted, stands]) {
          await using waiting = await Waiting.begin(awg, wanted, "1h");
          waiting.kill();
          const isKilled = await verdictKilledAt(awg, "confirm", call, n);
          await session.rounds(1);
          const again = await awg.run("confirm");
          // 64: it was accepted already, and nothing waits any more.
          expect([0, 64], again.stderr).toContain(again.status);
          await expectInSync(awg, wanted, `after ${call} ${n}`);
          await expectNothingAwaited(awg, `after ${call} ${n}`);
          if (!isKilled) return killed;
          killed += 1;
        }
      });
    });

    /** `story` is told about a machine that goes by the first of two configurations; it gives how often it killed. */
    async function underTheJudge(
      verb: string,
      call: string,
      story: (awg: AwgInWorld, session: Session, configs: readonly [string, string]) => Promise<number>,
    ): Promise<void> {
      const { world, keys, first, second } = judged();
      let killed = 0;
      let configs: readonly [string, string] = ["", ""];
      const judgement = await judgedRun(world, expecting([first, second]), {
        session: sessionOptions,
        setUp: async () => {
          const awg = new AwgInWorld(world, keys, program());
          configs = [awg.config({ server: first }), awg.config({ server: second })];
          await awg.apply(configs[0]);
          return awg;
        },
        disturb: async (awg, session) => {
          killed = await story(awg, session, configs);
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expectKilled(verb, call, killed);
    }
  },
);

async function expectInSync(awg: AwgInWorld, config: string, where: string): Promise<void> {
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, `${where}: ${diff.stdout}${diff.stderr}`).toBe(0);
}

async function expectNothingAwaited(awg: AwgInWorld, where: string): Promise<void> {
  expect(JSON.parse(await awg.must("status", "--json")).awaiting_confirmation, where).toBeNull();
}
