import { describe, expect, test } from "vitest";
import { differencesOf } from "../../../src/app/explain/differences.ts";
import type { ExplainedSide } from "../../../src/app/explain/explanation.ts";

const side: ExplainedSide = {
  path: "block",
  reason: "",
  mark: 0x3f000000,
  device: "eth0",
  verdict: "drop",
  verdictBy: [],
};

describe("what both sides drop", () => {
  test("agrees, whatever differs on its path: nothing follows it", () => {
    const live = { ...side, mark: 0, device: "eth1" };
    expect(differencesOf(side, live, "linux")).toEqual([]);
  });

  test("disagrees where another path is meant", () => {
    const disagreements = differencesOf(side, { ...side, path: "direct" }, "linux");
    expect(disagreements).toEqual(["path: declared block, the kernel has direct"]);
  });
});

test("a Mac has neither marks nor policy rules to differ in", () => {
  const declared = { ...side, verdict: "accept", policyRule: "1: from all lookup main" } as const;
  const live = { ...declared, mark: 0, policyRule: "2: from all lookup main" };
  expect(differencesOf(declared, live, "darwin")).toEqual([]);
  expect(differencesOf(declared, live, "linux")).toHaveLength(2);
});

test("a path that awg cannot follow differs from the rule that was declared", () => {
  const declared = { ...side, verdict: "accept", policyRule: "1: from all lookup main" } as const;
  const { policyRule: _, ...live } = declared;
  expect(differencesOf(declared, live, "linux")).toEqual([
    "policy rule: declared 1: from all lookup main, the kernel has none that awg can follow",
  ]);
});

describe("a chain of another program that drops what is declared to pass", () => {
  const declared = { ...side, path: "direct", mark: 0x3d000000, verdict: "accept" } as const;
  const dropped = (...rules: readonly [name: string, verdict: string][]): ExplainedSide => ({
    ...side,
    path: "block",
    mark: 0,
    verdict: "drop",
    verdictBy: rules.map(([name, verdict]) => ({ name, verdict })),
  });

  test("is one disagreement that names the chain and all that follows from it", () => {
    const live = dropped(
      ["inet awg strangers-out: S2.1 by a device # handle 40", "accept"],
      ["inet other c", "policy drop"],
    );
    expect(differencesOf(declared, live, "linux")).toEqual([
      "verdict: declared accept, the kernel has drop, by inet other c; path: declared direct, the kernel has block; mark: declared 0x3d000000, the kernel has 0x0",
    ]);
  });

  test.each(["inet awg out: S1.5 refused", "inet awg_boot output"])(
    "what awg's own filter drops (%s) is told one by one: it is no other program's",
    (name) => {
      const live = dropped([name, "drop"]);
      expect(differencesOf(declared, live, "linux")).toHaveLength(3);
    },
  );
});
