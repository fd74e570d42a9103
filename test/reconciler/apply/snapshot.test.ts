import { expect, test } from "vitest";
import { applyOn, depsOf, freshBench } from "../run.ts";
import { link, state, tunnel } from "../scenarios.ts";

test("law 5: each observation is a look of its own, so that the read-back sees what was written", async () => {
  const bench = freshBench();
  const deps = depsOf(bench);
  const looks: string[] = [];
  const look = () => {
    looks.push(bench.machine.print());
    return deps.host;
  };
  const before = bench.machine.print();
  const outcome = await applyOn({ ...deps, host: { ...deps.host, snapshot: look } }, state(link("a"), tunnel("a")));
  expect(outcome.kind).toBe("applied");
  expect(looks).toEqual([before, bench.machine.print()]);
  expect(looks[0]).not.toBe(looks[1]);
});
