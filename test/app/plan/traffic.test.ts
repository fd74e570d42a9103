import { expect, test } from "vitest";
import { trafficSentence } from "../../../src/app/plan/traffic.ts";
import type { Plan, Step } from "../../../src/model/plan.ts";
import type { ResourceKind } from "../../../src/model/resource.ts";

function planOf(...kinds: readonly ResourceKind[]): Plan {
  const batches = kinds.map((kind) => ({
    kind,
    phase: "prepare" as const,
    steps: [{ kind, action: "update" } as Step],
  }));
  return { batches, unchanged: [] };
}

test.each<[string, ...ResourceKind[]]>([
  ["nothing changes.", ...[]],
  ["nothing changes for it.", "service"],
  ["the packet filter stays in force while the classifier is loaded again.", "classifier", "service"],
  ["the packet filter stays in force while routes change.", "classifier", "routes"],
])("%s", (sentence, ...kinds) => {
  expect(trafficSentence(planOf(...kinds), { current: new Map() as never })).toBe(sentence);
});
