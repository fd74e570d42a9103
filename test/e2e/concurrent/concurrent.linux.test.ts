import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { Rivals, wrongEnds } from "./rivals.ts";

const reason = namespaceObstacle() ?? commandObstacle("ip");

describe.skipIf(reason !== undefined)(`applies at once${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test("B6: each applies its config whole or is told who is at work; the machine is one of them exactly", {
    timeout: 300_000,
  }, async () => {
    using rivals = new Rivals(program());
    const configs = [0, 1, 2].map((rival) => rivals.config(rival));
    const ended = await rivals.compete(configs, 1);
    expect(wrongEnds(ended)).toEqual([]);
    expect(ended.some(({ status }) => status === 0)).toBe(true);
    expect(await rivals.holding(configs)).toHaveLength(1);
  });
});
