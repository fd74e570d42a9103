import { describe, test } from "vitest";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { isFullSize, sized } from "../../support/size.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { fallBackAndReturn } from "./fallback.ts";

const reason = whyNoLab() ?? (hasProgram("nft") ? undefined : "needs nft");
const engines = sized(["userspace"] as const, ["userspace", "embedded"] as const);

describe.skipIf(reason !== undefined)(
  `fallback direct on a real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    // At full size the daemon also dies, and its grant expires.
    test.each(engines)(
      "law 1: a tunnel that is down falls back only where its rule allows it, and returns when it is up (%s)",
      { timeout: 600_000 },
      (engine) => fallBackAndReturn(judged(), program(), { engine, dies: isFullSize }),
    );
  },
);
