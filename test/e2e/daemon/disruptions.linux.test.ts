import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { countOf, sized } from "../../support/size.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { tellStory } from "./disruptions.ts";

// attack A1, A2, A7, A10–A15 with the daemon at work: no packet outside the tunnel, and the host recovers. Zero leaks
// in n disruptions bounds the true rate at 3/n with 95 % confidence: a thousand in four stories at full size.

const reason = whyNoLab();
const firstSeed = Number(process.env["AWG_SEED"] ?? 20261121);
/** Of each story; to look at one: `AWG_DISRUPTIONS=100 vitest run … -t "story 2"`. */
const count = countOf("AWG_DISRUPTIONS", 20, 250);
/** In the usual run three times what is demanded of a quiet host. */
const recovery = sized({ limitMs: 90_000 }, {});

describe.each(sized([1], [1, 2, 3, 4]))("disrupted, story %i", (nth) => {
  describe.skipIf(reason !== undefined)(`awg${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test(`laws 1, 4: ${count} disruptions: nothing leaks and all recovers`, {
      timeout: sized(1_200_000, 7_200_000),
    }, async () => {
      const story = { seed: firstSeed + nth - 1, count, ...recovery };
      const build = { program: program(), engine: nth % 2 === 1 ? "embedded" : "userspace" } as const;
      let reported = await tellStory(judged(), story, build);
      // As in judgedRun: an invalid run is repeated, a leak never.
      if (reported.judgement.outcome === "invalid") reported = await tellStory(judged(), story, build);
      const { judgement, played, text } = reported;
      console.log(text);
      expect(judgement.outcome, text).toBe("pass");
      expect(
        played.filter(({ complaint }) => complaint !== undefined),
        text,
      ).toEqual([]);
    });
  });
});
