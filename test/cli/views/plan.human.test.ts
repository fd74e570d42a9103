import { describe, expect, test } from "vitest";
import { renderPlan, summaryLine } from "../../../src/cli/verbs/plan/plan.human.ts";
import { changeLines, renderChange } from "../../../src/cli/views/resource/field-change.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { type Action, inverseChange, type Plan, type Step } from "../../../src/model/plan.ts";

const plain = styleFor(false);

function step(key: string, action: Action, over: Partial<Step> = {}): Step {
  const kind = key.slice(0, key.indexOf("/"));
  return {
    kind,
    key,
    action,
    phase: "prepare",
    before: null,
    after: null,
    changes: [],
    reason: "will be created",
    ...over,
  } as Step;
}

function planOf(...steps: readonly Step[]): Plan {
  return { batches: steps.map((one) => ({ kind: one.kind, phase: one.phase, steps: [one] })), unchanged: [] };
}

describe("a plan for people", () => {
  test("law 3: no change is one sentence", () => {
    expect(renderPlan(planOf(), "nothing changes.", plain)).toBe("No changes. The host is as the config says.");
  });

  test("shows symbol, key, reason, fields and the two closing lines", () => {
    const changes = [{ field: "/mtuBytes", before: 1420, after: 1380 }];
    const plan = planOf(
      step("link/office", "update", { changes, reason: "differs from the config" }),
      step("routes/old", "delete"),
    );
    expect(renderPlan(plan, "stays.", plain)).toBe(
      [
        "  ~ link/office  # differs from the config",
        "      mtu: 1420 → 1380",
        "  - routes/old  # will be created",
        "",
        "Plan: 0 to add, 1 to change, 1 to destroy.",
        "Traffic: stays.",
      ].join("\n"),
    );
  });

  test("a flip changes the firewall twice and counts once", () => {
    expect(summaryLine(planOf(step("firewall/machine", "update"), step("firewall/machine", "update")))).toBe(
      "Plan: 0 to add, 1 to change, 0 to destroy.",
    );
    expect(summaryLine(planOf(step("firewall/machine", "create"), step("firewall/machine", "update")))).toBe(
      "Plan: 1 to add, 0 to change, 0 to destroy.",
    );
    expect(summaryLine(planOf(step("firewall/machine", "update"), step("firewall/machine", "delete")))).toBe(
      "Plan: 0 to add, 0 to change, 1 to destroy.",
    );
  });

  test("adopting and forgetting are distinct from changes", () => {
    expect(summaryLine(planOf(step("link/office", "adopt")))).toBe(
      "Plan: 0 to add, 0 to change, 0 to destroy, 1 to adopt or forget.",
    );
  });

  test("colour only when asked for", () => {
    const plan = planOf(step("link/office", "create"));
    expect(renderPlan(plan, "x", plain)).not.toContain("\u001b[");
    expect(renderPlan(plan, "x", styleFor(true))).toContain("\u001b[32m");
  });
});

describe("a field", () => {
  test("law 8: a secret's values are never shown, even when they are there", () => {
    const text = renderChange({ field: "/privateKey", secret: true, before: "canary-one", after: "canary-two" }, plain);
    expect(text).toBe("privateKey: (secret, changed)");
  });

  test.each([
    [{ field: "/destinations", added: 3, removed: 1 }, "destinations: 3 added, 1 removed"],
    [
      { field: "/destinations", added: 1, removed: 0, before: [], after: ["0.0.0.0/0"] },
      "destinations: 1 added (0.0.0.0/0)",
    ],
    [{ field: "/peers/0/endpoint", before: undefined, after: "192.0.2.1:1" }, "peers.0.endpoint: (none) → 192.0.2.1:1"],
    [{ field: "/values/net.ipv4.conf.all.rp_filter", before: "1", after: "2" }, "net.ipv4.conf.all.rp_filter: 1 → 2"],
    [{ field: "/search", before: [], after: ["a", "b"] }, "search: (none) → a, b"],
  ])("%o reads %s", (change, text) => {
    expect(renderChange(change, plain)).toBe(text);
  });

  test.each([
    [{ field: "/destinations", added: 1, removed: 0, after: ["0.0.0.0/0"] }, "destinations: 0.0.0.0/0 is missing"],
    [
      { field: "/addresses", added: 0, removed: 1, before: ["10.6.0.1/32"] },
      "addresses: 10.6.0.1/32 was added outside awg",
    ],
    [
      { field: "/destinations", added: 4, removed: 0, after: ["10.0.0.0/8", "fc00::/7"] },
      "destinations: 4 (10.0.0.0/8, fc00::/7) are missing",
    ],
    [{ field: "/guards", added: 1, removed: 0, after: ["4"] }, "guards: unreachable default (IPv4) is missing"],
    [{ field: "/rules", added: 9, removed: 0, after: ["-4 10110: from all lookup 1"] }, "policy rules: 9 are missing"],
  ])("%o, drifted, reads alike in a plan and in what drift and status found: %s", (change, text) => {
    const remedy = change.added > 0 ? "; will be put back" : "; will be removed";
    expect(renderChange({ ...change, drift: true }, plain)).toBe(`${text}${remedy}`);
    expect(renderChange(inverseChange(change), plain, "found")).toBe(text);
  });

  test("policy rules are listed where all are known, and counted otherwise", () => {
    const rule = "-4 10110: from all fwmark 0x1000000/0xff000000 lookup 1635188737";
    const one = { field: "/rules", added: 1, removed: 0, before: [], after: [rule] };
    expect(changeLines(one, plain)).toEqual(["policy rules: 1 added", `  + ${rule}`]);
    expect(changeLines({ ...one, added: 9 }, plain)).toEqual(["policy rules: 9 added"]);
  });

  test("a long value is cut", () => {
    expect(renderChange({ field: "/x", before: "a".repeat(500), after: "b" }, plain).length).toBeLessThan(200);
  });
});
