import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import { applyKilledAt, crashCalls } from "./crash.ts";
import { expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");

// security.md A3: kill -9 at every side effect, until the apply runs to its end.
describe.skipIf(reason !== undefined)(
  `awg killed everywhere${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();

    test.each(crashCalls)("laws 1, 4 and 5: killed at each %s", { timeout: 7_200_000 }, async (call) => {
      const { world, keys, first, second } = judged();
      let killed = 0;
      const judgement = await judgedRun(world, expecting([first, second]), {
        session: sessionOptions,
        setUp: async () => {
          const awg = new AwgInWorld(world, keys);
          await awg.apply(awg.config({ server: first }));
          return awg;
        },
        disturb: async (awg) => {
          for (let server = second; ; server = server === first ? second : first) {
            const config = awg.config({ server });
            if (!(await applyKilledAt(awg, config, call, killed + 1))) return;
            killed += 1;
            await awg.apply(config);
            expect((await awg.run("diff", "-f", config)).status, `after ${call} ${killed}`).toBe(0);
          }
        },
      });
      console.log(`killed at ${killed} places of ${call}`);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(killed).toBeGreaterThan(0);
    });
  },
);
