import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import type { Session } from "../../lab/judge/session.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { isFullSize, sized } from "../../support/size.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import { awgWithFirst, expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { machineText, settledMachine } from "../machine-text.ts";
import { crashCalls, destroyKilledAt, expectKilled, makesCall, placesOf } from "./killed/crash.ts";
import {
  applyAfterDestroy,
  revertAfterDestroy,
  revertKilledAfterDestroy,
  type Stood,
} from "./killed/cut-short-stories.ts";
import { killedKeeper, killedVerbs, type Stage } from "./killed/kill-stories.ts";
import type { Place } from "./killed/killed-at.ts";
import { keeperCalls } from "./killed/killed-keeper.ts";

// attack A3: kill -9 at system calls of each verb and of the keeper. The usual run kills at a sample of places; at
// full size each call is killed at each place until the verb runs to its end (AWG_STRIDE takes every n-th place).

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: sized(1_200_000, 7_200_000) };
const stride = Number(process.env["AWG_STRIDE"] ?? 1);
/** Of a destroy cut short at full size: the places of each call, spread over all; 8 include some between the steps. */
const mostPlaces = Number(process.env["AWG_PLACES"] ?? 12);

/** The places of the usual run; each group is one judged run. */
const samples: Readonly<Record<string, Readonly<Record<string, readonly Place[]>>>> = {
  "a change of server, a rollback": {
    "change of server": [
      ["fsync", 4],
      ["sendto", 70],
      ["fsync", 14],
      ["rename", 3],
    ],
    rollback: [
      ["sendto", 60],
      ["fsync", 10],
    ],
  },
  "a destroy, a first apply": {
    destroy: [
      ["sendto", 90],
      ["fsync", 6],
    ],
    "first apply": [
      ["clone", 1],
      ["sendto", 60],
      ["fsync", 24],
    ],
  },
  "the keeper or an engine in a change, in a first apply": {
    "keeper in a change": [
      ["clone", 1],
      ["execve", 1],
    ],
    "keeper in a first apply": [
      ["ioctl", 2],
      ["execve", 1],
    ],
  },
};

describe.skipIf(reason !== undefined)(`killed${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  /** Runs a story on a machine that is judged since its first apply. */
  async function underTheJudge(
    story: (stage: Stage) => Promise<void>,
    { rounds = sized(1, 3), usesFirstOnly = false } = {},
  ): Promise<void> {
    const { world, first, second } = judged();
    const before = await machineText(world);
    const judgement = await judgedRun(world, expecting(usesFirstOnly ? [first] : [first, second]), {
      session: sessionOptions,
      rounds,
      setUp: () => awgWithFirst(judged(), program()),
      disturb: (awg: AwgInWorld, session: Session) =>
        story({ judged: judged(), program: program(), awg, session, before }),
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
  }

  if (!isFullSize) {
    test.each(Object.entries(samples))(
      "laws 1, 4, 5, 6: killed in %s: nothing leaks, the state is old or new, the next run converges",
      limit,
      async (_what, stories) => {
        const usesFirstOnly = Object.keys(stories).every((verb) => killedVerbs[verb]?.usesFirstOnly);
        await underTheJudge(
          async (stage) => {
            for (const [verb, places] of Object.entries(stories)) {
              const story = await { ...killedVerbs, ...killedKeeper }[verb]?.start(stage);
              const killed: (boolean | undefined)[] = [];
              for (const place of places) killed.push(await story?.kill(place));
              expect(killed.filter(Boolean).length, verb).toBeGreaterThanOrEqual(leastKills(verb, places.length));
              if (story?.ends !== undefined) expect(story.ends).toContainEqual({ killed: true, stood: true });
            }
          },
          { usesFirstOnly },
        );
      },
    );

    test("laws 1, 4, 5: a destroy cut short, then reverted or applied over", limit, async () => {
      await underTheJudge(
        async (stage) => {
          const machine = await standing(stage);
          expect(await applyAfterDestroy(machine, ["fsync", 12])).toBe("part");
          expect(await revertAfterDestroy(machine, ["sendto", 90])).toBe("part");
          expect(await revertAfterDestroy(machine, ["fsync", 19])).toBe("part");
        },
        { usesFirstOnly: true },
      );
    });
    return;
  }

  const verbs = Object.entries(killedVerbs).flatMap(([verb, { calls }]) => calls.map((call) => [verb, call] as const));

  test.each(verbs)("laws 1, 4, 5, 6: a %s killed at each %s", limit, async (verb, call) => {
    await underTheJudge(
      async (stage) => expectKilled(verb, call, await killEverywhere(killedVerbs, verb, call, stage)),
      { usesFirstOnly: killedVerbs[verb]?.usesFirstOnly ?? false },
    );
  });

  test.each(keeperCalls)("laws 1, 4, 5: the keeper, or what it starts, killed at each %s", limit, async (call) => {
    await underTheJudge(async (stage) => {
      let killed = 0;
      for (const verb of Object.keys(killedKeeper)) killed += await killEverywhere(killedKeeper, verb, call, stage);
      console.log(`keeper, ${call}: killed at ${killed} places`);
      expect(killed).toBeGreaterThan(0);
    });
  });

  describe("a destroy cut short", () => {
    /** A destroy makes these for its journal before its first step, and after the last one for what it accepts. */
    const beforeAndAfter: readonly string[] = ["rename"];
    /** Between the steps of a destroy, and when only the packet filter is left. */
    const cuts: readonly Place[] = [
      ["fsync", 6],
      ["fsync", 19],
    ];
    const repaired = { revert: revertAfterDestroy, apply: applyAfterDestroy } as const;

    test.each(crashCalls.flatMap((call) => (["revert", "apply"] as const).map((verb) => [call, verb] as const)))(
      "laws 1, 4, 5: killed at each %s, then %s",
      limit,
      async (call, verb) => {
        await underTheJudge(
          async (stage) => {
            const machine = await standing(stage);
            const { awg, config, session } = machine;
            session.pauseJudging();
            const span = await placesOf(call, awg, awg.argv("destroy", "--auto-approve"));
            await awg.apply(config);
            await session.resumeJudging();
            const counts = await countEnds(span, (n) => repaired[verb](machine, [call, n]));
            console.log(`destroy, ${call}, then ${verb}: ${JSON.stringify(counts)}`);
            const isMade = makesCall("destroy", call);
            const { whole = 0, part = 0, gone = 0 } = counts;
            expect(whole + part + gone > 0, "some kill met the destroy").toBe(isMade);
            expect(part > 0, "some kill left a part of the destroy").toBe(isMade && !beforeAndAfter.includes(call));
          },
          { rounds: 1, usesFirstOnly: true },
        );
      },
    );

    test.each(crashCalls.flatMap((call) => cuts.map((cut) => [call, cut] as const)))(
      "laws 1, 4, 5: its revert killed at each %s, the destroy at %s",
      limit,
      async (call, cut) => {
        await underTheJudge(
          async (stage) => {
            const machine = await standing(stage);
            const { awg, session } = machine;
            session.pauseJudging();
            expect(await destroyKilledAt(awg, ...cut)).toBe(true);
            const span = await placesOf(call, awg, awg.argv("revert"));
            await session.resumeJudging();
            const counts = await countEnds(span, async (n) =>
              (await revertKilledAfterDestroy(machine, cut, [call, n])) ? "killed" : undefined,
            );
            console.log(`revert, ${call}, of a destroy killed at ${cut.join(" ")}: ${JSON.stringify(counts)}`);
            expect((counts["killed"] ?? 0) > 0, "some kill met the revert").toBe(makesCall("revert", call));
          },
          { rounds: 1, usesFirstOnly: true },
        );
      },
    );
  });
});

/** How many of the places must meet their verb: the number of its calls changes a little from run to run, the keeper's does not. */
function leastKills(verb: string, places: number): number {
  return verb in killedKeeper ? places : Math.ceil(places / 2);
}

/** Kills a verb at each place of a call until it runs to its end; gives at how many. */
async function killEverywhere(verbs: typeof killedVerbs, verb: string, call: string, stage: Stage): Promise<number> {
  const story = await verbs[verb]?.start(stage);
  if (story === undefined) throw new Error(`no story of ${verb}`);
  let killed = 0;
  for (let n = await story.begin(call); await story.kill([call, n]); n += stride) killed += 1;
  return killed;
}

async function standing({ judged: { world, first }, awg, session, before }: Stage): Promise<Stood> {
  return { world, session, awg, config: awg.config({ server: first }), before, stood: await settledMachine(world) };
}

/** Tries at most `mostPlaces` of a span, its first and last among them; counts how they ended. */
async function countEnds(
  [first, last]: readonly [number, number] | readonly [],
  end: (n: number) => Promise<string | undefined>,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  if (first === undefined || last === undefined) return counts;
  const count = Math.min(mostPlaces, last - first + 1);
  for (let at = 0; at < count; at += 1) {
    const how = (await end(first + Math.round((at * (last - first)) / Math.max(1, count - 1)))) ?? "not killed";
    counts[how] = (counts[how] ?? 0) + 1;
  }
  return counts;
}
