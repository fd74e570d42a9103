import { describe, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { lieAndRepent } from "./lying-name-server.ts";

const reason = whyNoLab();

describe.skipIf(reason !== undefined)(
  `a lying name server${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test(
      "A7, S12.14: the victim gets initiations of the tunnel's own socket alone, and the truth brings the tunnel up: userspace",
      {
        timeout: 400_000,
      },
      () => lieAndRepent(judged(), program(), "userspace"),
    );
  },
);
