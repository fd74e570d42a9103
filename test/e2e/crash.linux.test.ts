import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { applyKilledAt, generationBefore, rollbackKilledAt } from "./crash.ts";
import { awgWithFirst, expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";
import { applyAfterDestroy, type Left, revertAfterDestroy } from "./killed/cut-short-stories.ts";
import { type KilledFirst, killDestroy, killFirstApply } from "./killed/verb-stories.ts";
import { machineText, settledMachine } from "./machine-text.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");

type Places = readonly (readonly [string, number])[];

/** Samples; every place is tried in the nightly form. */
const firstPlaces: Places = [
  ["clone", 1],
  ["sendto", 60],
  ["fsync", 24],
];
const destroyPlaces: Places = [
  ["sendto", 45],
  ["fsync", 6],
];

const revertPlaces: Places = [
  ["sendto", 45],
  ["fsync", 19],
];

const limitMs = 1_200_000;

const places: Places = [
  ["fsync", 4],
  ["sendto", 70],
  ["fsync", 14],
  ["rename", 3],
];

const rollbackPlaces: Places = [
  ["sendto", 60],
  ["fsync", 10],
];

describe.skipIf(reason !== undefined)(`awg killed${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  const claim =
    "killed at a system call of a change of server or a rollback, nothing leaves and the next one converges";
  test(`laws 1, 4 and 5: ${claim}`, { timeout: limitMs }, async () => {
    const { world, first, second } = judged();
    let [killed, rollbacksKilled] = [0, 0];
    const judgement = await judgedRun(world, expecting([first, second]), {
      session: sessionOptions,
      setUp: () => awgWithFirst(judged(), program()),
      disturb: async (awg, session) => {
        let server = second;
        for (const [call, n] of places) {
          const config = awg.config({ server });
          if (await applyKilledAt(awg, config, call, n)) killed += 1;
          await session.rounds(1);
          await awg.apply(config);
          const diff = await awg.run("diff", "-f", config);
          expect(diff.status, `after ${call} ${n}: ${diff.stdout}${diff.stderr}`).toBe(0);
          server = server === first ? second : first;
        }
        for (const [call, n] of rollbackPlaces) {
          const generation = await generationBefore(awg);
          if (await rollbackKilledAt(awg, generation, call, n)) rollbacksKilled += 1;
          await session.rounds(1);
          await awg.must("rollback", String(generation), "--auto-approve");
          const diff = await awg.run("diff", "-f", awg.config({ server }));
          expect(diff.status, `rollback, after ${call} ${n}: ${diff.stdout}${diff.stderr}`).toBe(0);
          server = server === first ? second : first;
        }
      },
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(killed).toBeGreaterThan(places.length / 2);
    expect(rollbacksKilled).toBeGreaterThan(0);
  });

  test("laws 1, 5 and 6: a first apply or a destroy, killed, is the old state or nothing gets out, then or in the next apply; destroy puts the machine back, revert or apply what it had", {
    timeout: limitMs,
  }, async () => {
    const { world, first } = judged();
    const before = await machineText(world);
    let killed: boolean[] = [];
    let firsts: KilledFirst[] = [];
    let left: (Left | undefined)[] = [];
    const judgement = await judgedRun(world, expecting([first]), {
      session: sessionOptions,
      rounds: 1,
      setUp: () => awgWithFirst(judged(), program()),
      disturb: async (awg, session) => {
        killed = [];
        firsts = [];
        const config = awg.config({ server: first });
        const machine = { world, session, awg, config, before, stood: await settledMachine(world) };
        left = [await applyAfterDestroy(machine, ["fsync", 12])];
        for (const place of revertPlaces) left.push(await revertAfterDestroy(machine, place));
        for (const place of destroyPlaces) {
          killed.push(await killDestroy(judged(), session, awg, place, before));
          await awg.apply(config);
          await session.resumeJudging();
        }
        session.pauseJudging();
        await awg[Symbol.asyncDispose]();
        for (const place of firstPlaces) firsts.push(await killFirstApply(judged(), session, program(), place));
      },
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    const all = [...killed, ...firsts.map((first) => first.killed)];
    expect(all.filter(Boolean).length).toBeGreaterThan((firstPlaces.length + destroyPlaces.length) / 2);
    expect(left).toEqual(["part", "part", "part"]);
    expect(firsts).toContainEqual({ killed: true, stood: true });
  });
});
