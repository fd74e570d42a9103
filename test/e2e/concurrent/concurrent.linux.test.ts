import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { race } from "./race.ts";
import { Rivals } from "./rivals.ts";

const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft");

describe.skipIf(reason !== undefined)(`changes at once${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test("B6: applies, a destroy and a daemon: each has its way whole or is told who is at work, and nobody is undone", {
    timeout: 300_000,
  }, async () => {
    using rivals = new Rivals(program());
    const wishes = [rivals.config(0), rivals.config(1, "embedded"), "nothing"];
    expect(await race(rivals, wishes, rivals.config(2), 2)).toContain("of 6 had their way");
  });
});
