import { describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { DisruptedAwg } from "../disrupted/disrupted-awg.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { deaths, playDeaths } from "./without-daemon.ts";

const reason = whyNoLab();

// Attack A2: each death once; how soon traffic is back is measured at night.
describe.skipIf(reason !== undefined)(`awg dead${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test("A2, laws 1 and 4: kill -9, five seconds without a daemon: nothing leaves, and its start brings traffic back", {
    timeout: 600_000,
  }, async () => {
    const { world, keys, first } = judged();
    let seen: readonly string[] = [];
    const judgement = await judgedRun(world, expecting([first]), {
      session: sessionOptions,
      rounds: 1,
      setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine: "embedded" }),
      disturb: async (awg, session) => {
        seen = [...(await playDeaths(world, awg, session, 1)).keys()];
      },
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(seen).toHaveLength(deaths.length);
  });
});
