import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { failAndStayFlat } from "./flat.ts";

const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "mount", "strace");
/** Each of seven failing applies; AWG_TURNS makes it more or fewer. */
const turns = Number(process.env["AWG_TURNS"] ?? 40);
/** What is live of a heap after a full collection. */
const liveSlackKib = 3 * 1024;

describe.skipIf(reason !== undefined)(`failing applies${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test(`B4, law 4: after ${7 * turns} failing applies a daemon holds what it held after a quarter of them`, async () => {
    const { told, liveEarly, liveLate } = await failAndStayFlat(program(), turns, Math.ceil(turns / 4));
    process.stdout.write(`${told}\n`);
    expect(liveLate, told).toBeLessThan(liveEarly + liveSlackKib);
  });
});
