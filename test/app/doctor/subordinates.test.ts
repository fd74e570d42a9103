import { expect, test } from "vitest";
import { judgeSubordinates, usersOfRules } from "../../../src/app/doctor/subuid.ts";
import type { FlowMatch, PathRef, PolicyLayer, PortRange } from "../../../src/model/firewall/policy.ts";
import type { DesiredState } from "../../../src/model/resources/desired-state.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";

const GIVEN: PortRange = { from: 100_000, to: 165_535 };
const MORE: PortRange = { from: 300_000, to: 300_099 };
const one = (uid: number): PortRange => ({ from: uid, to: uid });

function applied(match: FlowMatch, path: PathRef = { kind: "block" }): DesiredState {
  const layer = LAPTOP.layers[0] as PolicyLayer;
  const flows = { ...layer.flows, rules: [{ origin: "rules/0 (bot)", match, path }] };
  const spec = { steering: flows, layers: [{ ...layer, flows }] };
  return { resources: [{ kind: "firewall", key: "firewall/machine", spec }] };
}

function found(state: DesiredState, today: readonly PortRange[], usersAmongSubordinates = {}): readonly string[] {
  const facts = { uids: {}, subordinateUids: { "1001": today }, usersAmongSubordinates };
  return judgeSubordinates(state, facts).flatMap(({ id, evidence }) => [id, ...evidence]);
}

const RULE = applied({ uids: [one(1001), GIVEN] });

test.each<[string, DesiredState, readonly PortRange[], boolean]>([
  ["the numbers of the last apply", RULE, [GIVEN], false],
  ["one range more", RULE, [GIVEN, MORE], true],
  ["none any more", RULE, [], true],
  ["a range, of one without", applied({ uids: [one(1001)] }), [GIVEN], true],
  ["none, of one without", applied({ uids: [one(1001)] }), [], false],
  ["some, of a rule without users", applied({ ports: [one(25)] }), [GIVEN], false],
])(
  "S4.4: where /etc/subuid gives a user %s, the rule is told where it knows others: %#",
  (_name, state, today, isReported) => {
    expect(found(state, today)).toEqual(
      isReported ? ["subordinates-changed", expect.stringMatching(/^rules\/0 \(bot\) covers the uids 1001/)] : [],
    );
  },
);

test("S4.4: a rule that lets out in clear another user who came into the numbers is reported, and one left out is not", () => {
  const direct: PathRef = { kind: "direct" };
  const carved = [one(1001), { from: 100_000, to: 100_004 }, { from: 100_006, to: 165_535 }];
  expect(found(applied({ uids: [one(1001), GIVEN] }, direct), [GIVEN], { carol: 100_005 })[0]).toBe(
    "subordinates-changed",
  );
  expect(found(applied({ uids: carved }, direct), [GIVEN], { carol: 100_005 })).toEqual([]);
});

test("S4.4: a user whom a rule names beside the one to whom /etc/subuid gives that number is no change", () => {
  const both = applied({ uids: [one(1001), GIVEN, MORE] });
  expect(found(both, [GIVEN], { carol: 100_005 })).toEqual([]);
  expect(found(both, [GIVEN], { carol: 400_000 })[0]).toBe("subordinates-changed");
  expect(found(both, [GIVEN, { from: 500_000, to: 500_099 }], { carol: 100_005 })[0]).toBe("subordinates-changed");
});

test("asked for are the users whom rules name", () => {
  expect(usersOfRules(applied({ uids: [one(0), one(1001), GIVEN] }))).toEqual(["0", "1001"]);
  expect(usersOfRules({ resources: [] })).toEqual([]);
});
