import { expect, test } from "vitest";
import { configChanges } from "../../web/src/config-changes.ts";
import type { PlanDocument, PlanStep } from "../../web/src/documents.ts";

const step = (key: string, action: string, more: Partial<PlanStep> = {}): PlanStep => ({
  key,
  action,
  reason: "",
  changes: [],
  ...more,
});
const office = { kind: "tunnel", device: "awg-office" };
const rule = (origin: string, path: object, match: object = {}) => ({ origin, path, match });
const policy = (rules: readonly object[], more: object = {}, killSwitch = true) => ({
  steering: { rules, default: { ...office, ...more } },
  layers: [{ killSwitch }],
});
const found = (...steps: readonly PlanStep[]) => configChanges({ steps } as unknown as PlanDocument);

test("rules that come, go and change, in the words of the config", () => {
  const before = policy([
    rule("rules/0 (media) without a class", office, { classes: { otherThan: [1] } }),
    rule("rules/0 (media)", office, { classes: { in: [1] } }),
    rule("rules/1 (old)", office),
    rule("rules/2 (work)", office, { ports: [{ from: 22, to: 22 }] }),
  ]);
  const after = policy(
    [
      rule("rules/0 (chat)", { kind: "block" }, { classes: { in: [7] } }),
      rule("rules/1 (printers)", { kind: "direct" }, { destinations: ["192.0.2.64/26"] }),
      rule("rules/2 (media)", { ...office, substitutes: [{ device: "awg-home" }] }, { classes: { in: [3] } }),
      rule("rules/3 (work)", office, { ports: [{ from: 22, to: 23 }] }),
    ],
    { fallback: "direct" },
  );
  // During the change the filter has both policies.
  const between = policy([...before.steering.rules, ...after.steering.rules]);
  expect(
    found(
      step("firewall/machine", "update", { before, after: between }),
      step("classifier/host", "update"),
      step("firewall/machine", "update", { before: between, after }),
    ),
  ).toEqual([
    { action: "create", key: "rules", name: "chat", about: "", to: "block" },
    { action: "create", key: "rules", name: "printers", about: "192.0.2.64/26", to: "direct" },
    { action: "update", key: "rules", name: "media", from: "office", to: "office, else home" },
    { action: "update", key: "rules", name: "work", about: "what it matches", to: "office" },
    { action: "delete", key: "rules", name: "old", from: "office" },
    { action: "update", key: "default", from: "office", to: "office, else direct" },
  ]);
});

test("an order of rules, programs of a rule, and the kill switch", () => {
  const [one, two] = [rule("rules/0 (one)", office), rule("rules/1 (two)", { kind: "block" })];
  const change = (before: unknown, after: unknown) => step("firewall/machine", "update", { before, after });
  expect(found(change(policy([one, two]), policy([two, one], {}, false)))).toEqual([
    { action: "update", key: "rules", about: "their order" },
    { action: "update", key: "killSwitch", from: "on", to: "off" },
  ]);
  expect(found(step("classifier/host", "update"))).toEqual([
    { action: "update", key: "rules", about: "which programs they match" },
  ]);
});

test("a first apply, tunnels and DNS", () => {
  const peers = { changes: [{ field: "/peers/0/endpoint" }, { field: "/peers/0/keepalive" }, { field: "/mtu" }] };
  expect(
    found(
      step("link/office", "create"),
      step("tunnel/office", "create"),
      step("tunnel/home", "update", peers),
      step("resolver/host", "delete"),
      step("firewall/machine", "create", { before: null, after: policy([]) }),
    ),
  ).toEqual([
    { action: "create", key: "tunnels", name: "office" },
    { action: "update", key: "tunnels", name: "home", about: "peers and mtu" },
    { action: "delete", key: "dns" },
    { action: "create", key: "default", to: "office" },
    { action: "update", key: "killSwitch", from: "off", to: "on" },
  ]);
  expect(found(step("routes/policy", "update"))).toEqual([]);
});
