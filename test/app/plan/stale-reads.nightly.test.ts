import { expect, test } from "vitest";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { playLatePlans } from "./stale-reads.ts";

/** AWG_STORIES makes it more or fewer. */
const STORIES = Number(process.env["AWG_STORIES"] ?? 2_000);
const bench = useSimulatedBench();

test("B3: plans made of what the machine was one to three steps ago, in many stories", async () => {
  const met = await playLatePlans(bench, STORIES);
  process.stdout.write(`late plans: ${JSON.stringify(met)}\n`);
  expect(met.late).toBeGreaterThan(STORIES);
});
