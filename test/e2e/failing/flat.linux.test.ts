import { describe, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { failAndStayFlat } from "./flat.ts";

const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "mount", "strace");

describe.skipIf(reason !== undefined)(`failing applies${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test("B4, law 4: a daemon whose applies fail in seven ways, twice after it is warm, holds no more, and converges", {
    timeout: 600_000,
  }, async () => {
    console.log((await failAndStayFlat(program(), 4, 2)).told);
  });
});
