import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { crashCalls, destroyKilledAt, makesCall, placesOf } from "../crash.ts";
import { awgWithFirst, expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { machineText, settledMachine } from "../machine-text.ts";
import { applyAfterDestroy, revertAfterDestroy, revertKilledAfterDestroy, type Stood } from "./cut-short-stories.ts";
import type { Place } from "./killed-at.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 7_200_000 };
/** How many places of each call are tried, spread over all of them; AWG_PLACES another number: with 8, some are amid the steps. */
const mostPlaces = Number(process.env["AWG_PLACES"] ?? 12);
/** Where a destroy is cut short whose revert is killed: amid its steps, and when nothing but the packet filter is left. */
const cuts: readonly Place[] = [
  ["fsync", 6],
  ["fsync", 19],
];
/** A destroy makes them for its journal before its first step, and after the last one for what it accepts. */
const beforeAndAfter: readonly string[] = ["rename"];

// Attack A3 and S10.5: a destroy that was cut short is undone by a revert, which may be killed, too, and by an apply.
describe.skipIf(reason !== undefined)(
  `a destroy cut short${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const mended = { revert: revertAfterDestroy, apply: applyAfterDestroy } as const;

    test.each(crashCalls.flatMap((call) => (["revert", "apply"] as const).map((verb) => [call, verb] as const)))(
      "laws 1, 4 and 5: a destroy killed at each %s, then %s",
      limit,
      async (call, verb) => {
        const counts = await underTheJudge(`destroy, ${call}, then ${verb}`, async (machine) => {
          const { awg, config, session } = machine;
          session.pauseJudging();
          const span = await placesOf(call, awg, awg.argv("destroy", "--auto-approve"));
          await awg.apply(config);
          await session.resumeJudging();
          const counts: Record<string, number> = {};
          for (const n of spread(span)) {
            const left = (await mended[verb](machine, [call, n])) ?? "not killed";
            counts[left] = (counts[left] ?? 0) + 1;
          }
          return counts;
        });
        const isMade = makesCall("destroy", call);
        const { whole = 0, part = 0, gone = 0 } = counts;
        expect(whole + part + gone > 0, "some kill met the destroy").toBe(isMade);
        expect(part > 0, "some kill left a part of the destroy").toBe(isMade && !beforeAndAfter.includes(call));
      },
    );

    test.each(crashCalls.flatMap((call) => cuts.map((cut) => [call, cut] as const)))(
      "laws 1, 4 and 5: a revert killed at each %s, of a destroy killed at %s",
      limit,
      async (call, cut) => {
        const counts = await underTheJudge(
          `revert, ${call}, of a destroy killed at ${cut.join(" ")}`,
          async (machine) => {
            const { awg, session } = machine;
            session.pauseJudging();
            expect(await destroyKilledAt(awg, ...cut)).toBe(true);
            const span = await placesOf(call, awg, awg.argv("revert"));
            await session.resumeJudging();
            const counts: Record<string, number> = {};
            for (const n of spread(span)) {
              const isKilled = await revertKilledAfterDestroy(machine, cut, [call, n]);
              const end = isKilled ? "killed" : "not killed";
              counts[end] = (counts[end] ?? 0) + 1;
            }
            return counts;
          },
        );
        expect((counts["killed"] ?? 0) > 0, "some kill met the revert").toBe(makesCall("revert", call));
      },
    );

    /** `story` gives how many places it tried, by how they ended, and so does this. A call that a verb does not make has none. */
    async function underTheJudge(
      what: string,
      story: (machine: Stood) => Promise<Readonly<Record<string, number>>>,
    ): Promise<Readonly<Record<string, number>>> {
      const { world, first } = judged();
      const before = await machineText(world);
      let counts: Readonly<Record<string, number>> = {};
      const judgement = await judgedRun(world, expecting([first]), {
        session: sessionOptions,
        rounds: 1,
        setUp: () => awgWithFirst(judged(), program()),
        disturb: async (awg, session) => {
          const config = awg.config({ server: first });
          counts = await story({ world, session, awg, config, before, stood: await settledMachine(world) });
        },
      });
      console.log(`${what}: ${JSON.stringify(counts)}; ${judgement.leaks.length} leaks`);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      return counts;
    }
  },
);

/** No more than `mostPlaces` of the places from the first to the last, both of them among these. */
function spread([first, last]: readonly [number, number] | readonly []): readonly number[] {
  if (first === undefined || last === undefined) return [];
  const count = Math.min(mostPlaces, last - first + 1);
  return Array.from({ length: count }, (_, at) => first + Math.round((at * (last - first)) / Math.max(1, count - 1)));
}
