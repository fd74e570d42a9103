import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import {
  applyKilledAt,
  crashCalls,
  destroyKilledAt,
  firstApplyKilledAt,
  firstPlaceOf,
  reachesInClear,
} from "./crash.ts";
import { expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";
import { machineText } from "./machine-text.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 7_200_000 };

// security.md A3: kill -9 at every side effect, until the verb runs to its end.
describe.skipIf(reason !== undefined)(
  `awg killed everywhere${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();

    test.each(crashCalls)("laws 1, 4 and 5: a change of server killed at each %s", limit, async (call) => {
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
          killed = 0;
          const begin = await firstPlaceOf(call, world, awg.argv("diff", "-f", awg.config({ server: first })));
          for (let n = begin, server = second; ; n += 1, server = server === first ? second : first) {
            const config = awg.config({ server });
            if (!(await applyKilledAt(awg, config, call, n))) return;
            killed += 1;
            await awg.apply(config);
            expect((await awg.run("diff", "-f", config)).status, `after ${call} ${n}`).toBe(0);
          }
        },
      });
      console.log(`change of server: killed at ${killed} places of ${call}`);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(killed).toBeGreaterThan(0);
    });

    test.each(crashCalls)("laws 1, 5 and 6: a first apply killed at each %s", limit, async (call) => {
      const { world, keys, first } = judged();
      const before = await machineText(world);
      let killed = 0;
      const begin = await beginOf(call);
      for (let n = begin; ; n += 1) {
        await using awg = new AwgInWorld(world, keys);
        const config = awg.config({ server: first });
        const isKilled = await firstApplyKilledAt(awg, config, call, n);
        const where = `after ${call} ${n}`;
        if (await reachesInClear(world)) expect((await machineText(world))["nft"], where).toBe(before["nft"]);
        await awg.apply(config);
        expect(await reachesInClear(world), where).toBe(false);
        await awg.must("destroy", "--auto-approve");
        expect(await machineText(world), where).toEqual(before);
        if (!isKilled) break;
        killed += 1;
      }
      console.log(`first apply: killed at ${killed} places of ${call}`);
      expect(killed).toBeGreaterThan(0);
    });

    test.each(crashCalls)("laws 1, 5 and 6: a destroy killed at each %s", limit, async (call) => {
      const { world, keys, first } = judged();
      const before = await machineText(world);
      await using awg = new AwgInWorld(world, keys);
      const config = awg.config({ server: first });
      let killed = 0;
      const begin = await beginOf(call);
      for (let n = begin; ; n += 1) {
        await awg.apply(config);
        const isKilled = await destroyKilledAt(awg, call, n);
        const where = `after ${call} ${n}`;
        if (await reachesInClear(world)) expect((await machineText(world))["nft"], where).toBe(before["nft"]);
        await awg.must("destroy", "--auto-approve");
        expect(await machineText(world), where).toEqual(before);
        if (!isKilled) break;
        killed += 1;
      }
      console.log(`destroy: killed at ${killed} places of ${call}`);
      expect(killed).toBeGreaterThan(0);
    });

    /** Found by a verb that reads: it opens the program's text and then the state, as the others do. */
    async function beginOf(call: string): Promise<number> {
      const { world, keys } = judged();
      await using awg = new AwgInWorld(world, keys);
      return firstPlaceOf(call, world, awg.argv("status"));
    }
  },
);
