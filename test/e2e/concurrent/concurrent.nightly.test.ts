import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { Rivals, wrongEnds } from "./rivals.ts";

const reason = namespaceObstacle() ?? commandObstacle("ip");
const rounds = 100;

describe.skipIf(reason !== undefined)(`applies at once${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test("B6: 8 processes, 100 applies each", async () => {
    using rivals = new Rivals(program());
    const configs = Array.from({ length: 8 }, (_, rival) => rivals.config(rival));
    const ended = await rivals.compete(configs, rounds);
    expect(wrongEnds(ended)).toEqual([]);
    const applied = ended.filter(({ status }) => status === 0).length;
    process.stdout.write(`${applied} of ${ended.length} applied, the others were told who was at work\n`);
    expect(applied).toBeGreaterThan(0);
    expect(await rivals.holding(configs)).toHaveLength(1);
  });
});
