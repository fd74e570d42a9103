import { expect, test } from "vitest";
import type { Observed, Resource, ResourceKey, ResourceKind } from "../../../src/model/resource.ts";
import type { RoutesSpec } from "../../../src/model/resources/routes.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import { planChanges } from "../../../src/reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";

type RoutesResource = Extract<Resource, { kind: "routes" }>;

function routes(tunnel: string, destinations: readonly string[]): RoutesResource {
  const spec: RoutesSpec = { table: 254, device: `awg-${tunnel}`, destinations, guards: [], rules: [] };
  return { kind: "routes", key: `routes/${tunnel}`, spec };
}

/** The batches of a plan on a Mac, "delete routes/office" each step. */
function batchesFrom(standing: readonly RoutesResource[], wanted: readonly RoutesResource[]): string[][] {
  const observed = standing.map(({ key, spec }) => [key, { ...spec, foreign: [] } as Observed] as const);
  const { plan } = planChanges({
    desired: { resources: wanted },
    observed: {
      current: new Map<ResourceKind, Map<ResourceKey, Observed>>([["routes", new Map(observed)]]),
      moved: new Map(),
    },
    ledger: {
      ...EMPTY_LEDGER,
      entries: standing.map(({ kind, key, spec }) => ({ kind, key, spec, original: null })),
    },
    registry: driverRegistry,
  });
  return plan.batches.map(({ steps }) => steps.map(({ action, key }) => `${action} ${key}`));
}

test("law 5: whoever takes a destination from another tunnel of a Mac does it in one batch, which is undone as a whole", () => {
  const [office, home] = [routes("office", ["0.0.0.0/1", "10.1.0.0/16"]), routes("home", ["0.0.0.0/1"])];
  expect(batchesFrom([office], [home])).toEqual([["create routes/home", "delete routes/office"]]);
});

test("what is not taken leaves at the end, as ever", () => {
  const [office, home] = [routes("office", ["10.1.0.0/16"]), routes("home", ["0.0.0.0/1"])];
  expect(batchesFrom([office], [home])).toEqual([["create routes/home"], ["delete routes/office"]]);
});
