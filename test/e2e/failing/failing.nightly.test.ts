import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import {
  applyWithFailing,
  applyWithFailingKeeper,
  errors,
  expectGoodEnd,
  expectOldOrNewOrTold,
  type FailingCall,
  keeperFigures,
  things,
} from "./failing-calls.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 14_400_000 };
/** AWG_PLACES bounds how many places of each call are tried. */
const MOST_PLACES = Number(process.env["AWG_PLACES"] ?? Number.POSITIVE_INFINITY);
const ways = errors.flatMap((error) => [false, true].map((lasting) => ({ error, lasting })));
const SLACK_KIB = 24 * 1024;

const own = ["sendto", "recvfrom", "socket", "bind", "connect", "openat", "fsync", "rename", "unlink", "write"];
const ofKeeper = ["sendto", "recvfrom", "ioctl", "openat", "unlink", "bind", "fchmodat", "fchownat"];
/** Such as a keeper makes when it starts alone, and this one stands. */
const unmade: Readonly<Record<string, readonly string[]>> = { keeper: ["unlink", "fchmodat", "fchownat"] };

// Fault B4: at every place of each call one of the errors, once or from there on, until each has had its turn.
describe.skipIf(reason !== undefined)(`calls that fail${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test.each([...own.map((call) => ["awg", call] as const), ...ofKeeper.map((call) => ["keeper", call] as const)])(
    "B4, laws 1, 4 and 5: an apply in which %s's %s fails",
    limit,
    async (whose, call) => {
      const { world, keys, first, second } = judged();
      const counts: Record<string, number> = {};
      const judgement = await judgedRun(world, expecting([first, second]), {
        session: sessionOptions,
        setUp: async () => {
          const awg = new AwgInWorld(world, keys, program());
          await awg.apply(awg.config({ server: first }));
          return awg;
        },
        disturb: async (awg) => {
          let [before, after] = [awg.config({ server: first }), awg.config({ server: second })] as const;
          const failing = whose === "awg" ? applyWithFailing : applyWithFailingKeeper;
          const early = await keeperFigures(awg);
          for (let n = 1, turn = 0, isEnough = false; !isEnough; n += 1, turn += 1) {
            const way: FailingCall = { call, n, ...(ways[turn % ways.length] ?? { error: "EIO", lasting: false }) };
            const where = `${whose}: ${call} ${n}${way.lasting ? "+" : ""} ${way.error}`;
            const done = await failing(awg, world, after, way);
            if (done !== undefined) {
              expectGoodEnd(done, where, things(awg));
              const state = await expectOldOrNewOrTold(awg, done, [before, after], where);
              for (const what of ["places", state, `exit ${done.status}`]) counts[what] = (counts[what] ?? 0) + 1;
            }
            await awg.apply(after);
            [before, after] = [after, before];
            const places = counts["places"] ?? 0;
            if (done === undefined && n === 1) return;
            isEnough = places >= MOST_PLACES || (done === undefined && places >= ways.length);
            if (done === undefined) n = 0;
          }
          const late = await keeperFigures(awg);
          if (early.pid !== late.pid) return;
          expect(late.descriptors, `from ${early.descriptors}`).toBeLessThan(early.descriptors + 4);
          expect(late.residentKib, `from ${early.residentKib}`).toBeLessThan(early.residentKib + SLACK_KIB);
        },
      });
      console.log(`${whose}: ${call}: ${JSON.stringify(counts)}`);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      const isMade = unmade[whose]?.includes(call) !== true;
      expect((counts["places"] ?? 0) > 0, `${whose} makes ${call}`).toBe(isMade);
    },
  );
});
