import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { changeKilledAt, firstApplyKilledAt, twoWishes } from "./keeper-stories.ts";
import type { Place } from "./killed-keeper.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 1_200_000 };

/** A sample; every place is tried in the nightly form. */
const changePlaces: readonly Place[] = [
  { call: "clone", n: 1 },
  { call: "execve", n: 1 },
];
const firstPlaces: readonly Place[] = [
  { call: "ioctl", n: 2 },
  { call: "execve", n: 1 },
];

// Attack A3: it is the keeper that makes the devices and starts the engines, so it dies too.
describe.skipIf(reason !== undefined)(`the keeper killed${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test(
    "laws 1, 4 and 5: keeper or engine killed in a change or a first apply: nothing leaves, the next one converges",
    limit,
    async () => {
      const { world, keys, first, second } = judged();
      const wishes = twoWishes(judged());
      let deaths: boolean[] = [];
      const judgement = await judgedRun(world, expecting([first, second]), {
        session: sessionOptions,
        rounds: 1,
        setUp: async () => {
          const awg = new AwgInWorld(world, keys, program());
          await awg.apply(awg.config(wishes[1]));
          return awg;
        },
        disturb: async (awg, session) => {
          deaths = [];
          for (const [at, place] of changePlaces.entries())
            deaths.push(await changeKilledAt(awg, session, wishes[at % 2] ?? wishes[0], place));
          session.pauseJudging();
          await awg[Symbol.asyncDispose]();
          for (const place of firstPlaces) deaths.push(await firstApplyKilledAt(judged(), session, program(), place));
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(deaths).toEqual([...changePlaces, ...firstPlaces].map(() => true));
    },
  );
});
