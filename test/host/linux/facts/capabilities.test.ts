import { expect, test } from "vitest";
import { isKernelAtLeast } from "../../../../src/host/linux/facts/capabilities.ts";

test.each([
  ["6.9.0", [6, 9], true],
  ["6.18.44-fc", [6, 9], true],
  ["6.8.12", [6, 9], false],
  ["5.16.0", [6, 9], false],
  ["10.0", [6, 9], true],
  ["nonsense", [3, 14], false],
] as const)("%s is at least %j: %s", (release, wanted, expected) => {
  expect(isKernelAtLeast(release, wanted)).toBe(expected);
});
