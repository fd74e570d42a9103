import { describe, test } from "vitest";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { fallBackAndReturn } from "./fallback.ts";

const reason = whyNoLab() ?? (hasProgram("nft") ? undefined : "needs nft");

describe.skipIf(reason !== undefined)(
  `fallback direct on a real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(["userspace", "embedded"] as const)(
      "law 1: down goes direct where the rule says so and else nowhere; dead expires; up goes back (%s)",
      { timeout: 600_000 },
      (engine) => fallBackAndReturn(judged(), program(), { engine, dies: true }),
    );
  },
);
