import { describe, expect, test } from "vitest";
import {
  afterFailure,
  afterLook,
  afterUnplanned,
  type ConfigLook,
  decideProposal,
  isGivenUp,
  MOST_TRIES,
  NO_PROPOSAL,
} from "../../src/daemon/proposal-state.ts";

const look = (over: Partial<ConfigLook> = {}): ConfigLook => ({
  hash: "a",
  accepted: undefined,
  settled: undefined,
  refused: undefined,
  ...over,
});
const seenA = afterLook(NO_PROPOSAL, look());

describe("what becomes of a config file", () => {
  test.each([
    ["new", NO_PROPOSAL, look(), "propose", false, false],
    ["seen before and not edited", seenA, look(), "keep", false, false],
    ["edited", seenA, look({ hash: "b" }), "propose", false, false],
    ["accepted, not recorded yet", NO_PROPOSAL, look({ accepted: "a" }), "repair", true, false],
    ["accepted and recorded", seenA, look({ accepted: "a", settled: "a" }), "repair", false, false],
    [
      "proposed before a restart, another state accepted since",
      NO_PROPOSAL,
      look({ accepted: "b", settled: "a" }),
      "keep",
      false,
      true,
    ],
    ["the same at a later look", seenA, look({ accepted: "b", settled: "a" }), "keep", false, false],
    ["not confirmed in time", NO_PROPOSAL, look({ refused: "a" }), "keep", false, true],
    ["could not be planned yet", afterUnplanned(seenA), look(), "propose", false, false],
  ] as const)("%s", (_case, state, found, plan, settles, isSuperseded) => {
    expect(decideProposal(state, found)).toEqual({ plan, settles, isSuperseded });
  });
});

test("law 4: a config that fails is proposed again up to the limit, and then only once it is edited", () => {
  let state = NO_PROPOSAL;
  for (let time = 1; time <= MOST_TRIES; time += 1) {
    expect(decideProposal(state, look()).plan).toBe("propose");
    state = afterFailure(afterLook(state, look()), "a", false);
    expect(isGivenUp(state, "a")).toBe(time === MOST_TRIES);
  }
  expect(decideProposal(state, look()).plan).toBe("keep");
  expect(decideProposal(state, look({ hash: "b" })).plan).toBe("propose");
});

test("a config that waited for another awg was not tried", () => {
  const state = afterFailure(seenA, "a", true);
  expect(decideProposal(state, look()).plan).toBe("propose");
  expect(state.failed.times).toBe(0);
});
