import { expect, test } from "vitest";
import type { Action, Step } from "../../../src/model/plan.ts";
import { mayHaveSet, mayHaveTaken } from "../../../src/reconciler/plan/interrupted-steps.ts";

const KEY = "tunnel/office";

function interrupted(action: Action, ...fields: readonly string[]) {
  const changes = fields.map((field) => ({ field }));
  const step = { kind: "tunnel", key: KEY, action, phase: "prepare", before: null, after: null, changes, reason: "" };
  return new Map([[KEY, [step as Step]]] as const);
}

test.each<[string, Action, readonly string[], string, boolean]>([
  ["the field itself", "update", ["/listenPort"], "/listenPort", true],
  ["another field", "update", ["/listenPort"], "/fwmark", false],
  ["one that only begins alike", "update", ["/listenPort"], "/listenPorts", false],
  ["what lies within it", "update", ["/layers"], "/layers/0/killSwitch", true],
  ["what it lies within", "update", ["/layers/0/killSwitch"], "/layers", true],
  ["a peer of another number", "update", ["/peers/0/endpoint"], "/peers/1/allowedIPs", true],
  ["any, where the step names none", "update", [], "/fwmark", true],
  ["any, where it makes the whole anew", "replace", ["/listenPort"], "/fwmark", true],
  ["whether a keeper holds it", "update", ["/listenPort"], "/held", true],
  ["damage", "replace", [], "/damage", false],
])("a change may have set %s", (_, action, fields, field, is) => {
  expect(mayHaveSet(interrupted(action, ...fields), KEY, field)).toBe(is);
  expect(mayHaveSet(interrupted(action, ...fields), "tunnel/home", field)).toBe(false);
});

test.each<[Action, boolean]>([
  ["update", false],
  ["create", true],
  ["replace", true],
  ["delete", true],
])("a change that began to %s a resource may have taken it: %s", (action, is) => {
  expect(mayHaveTaken(interrupted(action), KEY)).toBe(is);
  expect(mayHaveTaken(interrupted(action), "tunnel/home")).toBe(false);
});
