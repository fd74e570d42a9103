import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { tellStory } from "./disruptions.ts";

// Zero leaks in n disruptions bounds the true rate at 3/n with 95 % confidence: a thousand in four stories.

const reason = whyNoLab();
const first = Number(process.env["AWG_SEED"] ?? 20261121);
/** Of each story; fewer for a look at one: `AWG_DISRUPTIONS=100 vitest run ... -t "story 2"`. */
const count = Number(process.env["AWG_DISRUPTIONS"] ?? 250);

describe.each([0, 1, 2, 3])(`awg disrupted at length${reason === undefined ? "" : ` (skipped: ${reason})`}`, (nth) => {
  describe.skipIf(reason !== undefined)(`story ${nth + 1}`, () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test(`laws 1 and 4: ${count} disruptions, seed ${first + nth}`, { timeout: 7_200_000 }, async () => {
      const { judgement, played, text } = await tellStory(
        judged(),
        { seed: first + nth, count },
        { program: program(), engine: nth % 2 === 0 ? "embedded" : "userspace" },
      );
      console.log(text);
      expect(judgement.outcome, text).toBe("pass");
      expect(played.filter(({ complaint }) => complaint !== undefined).length, text).toBe(0);
    });
  });
});
