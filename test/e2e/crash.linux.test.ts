import { describe, expect, test } from "vitest";
import { renderJudgement } from "../lab/judge/judge.ts";
import { judgedRun } from "../lab/judged-run.ts";
import { hasProgram } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import { applyKilledAt, firstApplyKilledAt, generationBefore, reachesInClear, rollbackKilledAt } from "./crash.ts";
import { expecting, sessionOptions, useJudgedWorld } from "./judged-world.ts";
import { machineText } from "./machine-text.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");

const firstPlaces: readonly (readonly [string, number])[] = [
  ["fsync", 2],
  ["sendto", 40],
  ["fsync", 9],
  ["sendto", 90],
];

const limitMs = 1_200_000;

/** A sample; every place is tried in the nightly form. */
const places: readonly (readonly [string, number])[] = [
  ["fsync", 4],
  ["sendto", 70],
  ["fsync", 14],
  ["rename", 3],
];

const rollbackPlaces: readonly (readonly [string, number])[] = [
  ["sendto", 60],
  ["fsync", 10],
];

describe.skipIf(reason !== undefined)(`awg killed${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  const claim =
    "killed at a system call of a change of server or a rollback, nothing leaves and the next one converges";
  test(`laws 1, 4 and 5: ${claim}`, { timeout: limitMs }, async () => {
    const { world, keys, first, second } = judged();
    let [killed, rollbacksKilled] = [0, 0];
    const judgement = await judgedRun(world, expecting([first, second]), {
      session: sessionOptions,
      setUp: async () => {
        const awg = new AwgInWorld(world, keys, program());
        await awg.apply(awg.config({ server: first }));
        return awg;
      },
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

  test("laws 5 and 6: a first apply, killed, is the old state or nothing gets out; destroy puts the machine back", {
    timeout: limitMs,
  }, async () => {
    const { world, keys, first } = judged();
    const before = await machineText(world);
    let killed = 0;
    for (const [call, n] of firstPlaces) {
      await using awg = new AwgInWorld(world, keys, program());
      const config = awg.config({ server: first });
      if (await firstApplyKilledAt(awg, config, call, n)) killed += 1;
      const where = `after ${call} ${n}`;
      if (await reachesInClear(world)) expect((await machineText(world))["nft"], where).toBe(before["nft"]);
      await awg.apply(config);
      expect(await reachesInClear(world), where).toBe(false);
      await awg.must("destroy", "--auto-approve");
      expect(await machineText(world), where).toEqual(before);
    }
    expect(killed).toBeGreaterThan(firstPlaces.length / 2);
  });
});
