import { describe, expect, test } from "vitest";
import { differencesOf } from "../../../src/compose/explain/differences.ts";
import type { ExplainedSide } from "../../../src/compose/explain/explanation.ts";

const side: ExplainedSide = {
  path: "block",
  reason: "",
  mark: 0x3f000000,
  device: "eth0",
  verdict: "drop",
  verdictBy: [],
};

describe("what both sides drop", () => {
  test("is one note of all that differs on its way: nothing follows it", () => {
    const live = { ...side, mark: 0, device: "eth1" };
    expect(differencesOf(side, live, "linux")).toEqual({
      disagreements: [],
      notes: [
        "dropped either way, but mark: declared 0x3f000000, the machine has 0x0; device: declared eth0, the machine has eth1",
      ],
    });
    expect(differencesOf(side, side, "linux")).toEqual({ disagreements: [], notes: [] });
  });

  test("disagrees where another path is meant", () => {
    const { disagreements } = differencesOf(side, { ...side, path: "direct" }, "linux");
    expect(disagreements).toEqual(["path: declared block, the machine has direct"]);
  });
});

test("a Mac has neither marks nor policy rules to differ in", () => {
  const declared = { ...side, verdict: "accept", policyRule: "1: from all lookup main" } as const;
  const live = { ...declared, mark: 0, policyRule: "2: from all lookup main" };
  expect(differencesOf(declared, live, "darwin")).toEqual({ disagreements: [], notes: [] });
  expect(differencesOf(declared, live, "linux").disagreements).toHaveLength(2);
});

test("a way that awg cannot follow differs from the rule that was declared", () => {
  const declared = { ...side, verdict: "accept", policyRule: "1: from all lookup main" } as const;
  const { policyRule: _, ...live } = declared;
  expect(differencesOf(declared, live, "linux").disagreements).toEqual([
    "policy rule: declared 1: from all lookup main, the machine has none that awg can follow",
  ]);
});
