import { describe, expect, test } from "vitest";
import { blockedPolicy } from "../../src/model/firewall/transition.ts";
import { tableOfPath } from "../../src/model/ownership.ts";
import { inverseStep, type Plan, type Step, stepsOf } from "../../src/model/plan.ts";
import type { RoutesSpec } from "../../src/model/resources/routes.ts";
import { EMPTY_LEDGER } from "../../src/reconciler/plan/ledger.ts";
import { planChanges } from "../../src/reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../src/resources/registry.ts";
import { orderFindings } from "../../src/verify/policy/plan-order.ts";
import { expandText, KEY_A } from "../resources/sample.ts";

const CONFIG = `
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /k }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${KEY_A}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: office }
killSwitch: { enabled: true }
`;

/** The steps that set up a machine which has nothing yet. */
function setUp(): readonly Step[] {
  const { desired } = expandText(CONFIG);
  const observed = { current: new Map(), moved: new Map() };
  return stepsOf(planChanges({ desired, observed, ledger: EMPTY_LEDGER, registry: driverRegistry }).plan);
}

function found(steps: readonly Step[]): readonly string[] {
  const plan: Plan = {
    batches: steps.map((step) => ({ kind: step.kind, phase: step.phase, steps: [step] })),
    unchanged: [],
  };
  return orderFindings(plan).map(({ kind, message }) => `${kind}: ${message}`);
}

describe("the order of a plan's steps", () => {
  test("law 1: nothing is wrong with a plan, nor with its undo", () => {
    expect(found(setUp())).toEqual([]);
    expect(found(setUp().toReversed().map(inverseStep))).toEqual([]);
  });

  test("the policy swapped in two transactions is found", () => {
    const policy = { kind: "firewall", key: "firewall/machine", changes: [], reason: "" } as const;
    const away: Step = { ...policy, action: "delete", phase: "prepare", before: blockedPolicy(), after: null };
    const again: Step = { ...policy, action: "create", phase: "flip", before: null, after: blockedPolicy() };
    expect(found([away, again])).toEqual([expect.stringMatching(/^leak: .*no policy is loaded/)]);
    expect(found([away])).toEqual([]);
  });

  test("retire before flip, and flip before prepare, are found", () => {
    const steps = setUp();
    const table = steps.find(({ key }) => key === "routes/office");
    const rules = steps.find(({ key }) => key === "routes/policy");
    if (table === undefined || rules === undefined) throw new Error("the plan has no routes");
    const number = (table.after as RoutesSpec).table;
    expect(number).toBe(tableOfPath(1));
    expect(found([rules, table])).toEqual([
      `misroute: policy rules lead to table ${number} before it exists: their packets fall through to the main table`,
    ]);
    expect(found([inverseStep(table), inverseStep(rules)])).toEqual([
      `misroute: table ${number} goes while policy rules still lead to it: their packets fall through to the main table`,
    ]);
  });
});
