import { readdirSync, truncateSync } from "node:fs";
import { expect, test } from "vitest";
import { useSimulatedBench } from "../simulated-bench.ts";

const machine = useSimulatedBench();

test("an earlier generation that cannot be read hinders no change and no acceptance, and no secret is forgotten for it", async () => {
  const bench = machine();
  const state = `${bench.file}.state`;
  for (const port of [51001, 51002, 51003]) await bench.apply(bench.config({ office: { port } }));
  truncateSync(`${state}/generation-1`, 40);
  const secrets = readdirSync(`${state}/secrets`);
  const applied = await bench.apply(bench.config({ office: { port: 51004 } }));
  expect(applied).toMatchObject({ generation: 4, changed: true });
  expect(applied.unaccepted).toBeUndefined();
  expect((await bench.rollback(2)).unaccepted).toBeUndefined();
  expect((await bench.destroy()).unaccepted).toBeUndefined();
  expect(readdirSync(`${state}/secrets`)).toEqual(secrets);
  expect((await bench.ask((session) => session.status())).openJournal).toBeUndefined();
});
