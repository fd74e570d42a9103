import { describe, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sized } from "../../support/size.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { lieAndRepent } from "./lying-name-server.ts";

const reason = whyNoLab();
const engines = sized(["embedded"] as const, ["embedded", "userspace"] as const);

describe.skipIf(reason !== undefined)(
  `a lying name server${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(engines)(
      "A7, S12.14: its victim gets only initiations of the tunnel's socket; the true address brings the tunnel up: %s",
      { timeout: 400_000 },
      (engine) => lieAndRepent(judged(), program(), engine),
    );
  },
);
