import { describe, expect, test } from "vitest";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { isTunnelNumber, TABLE_BASE } from "../../../src/model/ownership.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { countOf, sized } from "../../support/size.ts";
import { playLatePlans } from "./stale-reads.ts";

/** The sixth found that the removal of an old place also removed its new occupant. */
const STORIES = countOf("AWG_STORIES", 6, 2_000);

describe("B3: a plan made of what the machine was some steps ago", () => {
  const bench = useSimulatedBench();

  test("laws 4, 6: is carried out against what it is now: nothing of others is touched, and nothing is left over", {
    timeout: sized(240_000, 14_400_000),
  }, async () => {
    const met = await playLatePlans(bench, STORIES);
    console.log(`late plans: ${JSON.stringify(met)}`);
    // Plans met what others did since their reading, and the machine was another than they had read.
    expect(met.late).toBeGreaterThan(STORIES);
    for (const count of Object.values(met)) expect(count).toBeGreaterThan(0);
  });

  test("remembers the tables of tunnels that came after its reading: none changes hands later", async () => {
    const on = bench();
    await on.apply(on.config({ first: {} }));
    const late = await on.plan(on.config({}));
    await on.apply(on.config({ a: {}, b: {} }));
    const before = tablesOf(on);
    await on.ask((session) => session.apply(late, { onEvent: () => {}, shouldStop: () => undefined }));
    await on.apply(on.config({ c: {} }));
    expect(before.size).toBe(2);
    expect(before.intersection(tablesOf(on)).size).toBe(0);
    await on.rollback(2);
    expect(tablesOf(on)).toEqual(before);
  });
});

/** The routing tables of tunnels, by number. */
function tablesOf(on: SimulatedBench): ReadonlySet<number> {
  const { routes } = JSON.parse(on.read()) as MachineState;
  return new Set(routes.map(({ table }) => table).filter((table) => isTunnelNumber(table - TABLE_BASE)));
}
