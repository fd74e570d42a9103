import { describe, expect, test } from "vitest";
import { type CanaryFlight, isDisregarded } from "../../../src/model/firewall/canary.ts";

const STOPPED: CanaryFlight = { taken: true, stoppedBefore: 4, stoppedAfter: 5 };
const PASSED: CanaryFlight = { taken: true, stoppedBefore: 4, stoppedAfter: 4 };

describe("S13.15: whether a packet filter acts", () => {
  test.each<[string, readonly CanaryFlight[], boolean]>([
    ["nothing was sent", [], false],
    ["each canary was stopped", [STOPPED, STOPPED], false],
    ["somebody else tests it, too", [{ ...STOPPED, stoppedAfter: 9 }], false],
    ["one family's canary was not stopped", [STOPPED, PASSED], true],
    ["the kernel refused what was not stopped", [{ ...PASSED, taken: false }], false],
    ["the rules are new and count from 0", [{ ...PASSED, stoppedAfter: 0 }], false],
  ])("%s", (_name, flights, is) => {
    expect(isDisregarded(flights)).toBe(is);
  });
});
