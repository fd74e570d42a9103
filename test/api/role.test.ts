import { expect, test } from "vitest";
import { roleOf } from "../../src/api/role.ts";

const rules = { adminGroups: [50], viewerGroups: [51], serviceUid: 900 };

test.each([
  ["root", { uid: 0, groups: [0] }, "admin"],
  ["a member of the admin group", { uid: 1000, groups: [1000, 50] }, "admin"],
  ["whose primary group is the admin group", { uid: 1000, groups: [50] }, "admin"],
  ["a member of both groups", { uid: 1000, groups: [51, 50] }, "admin"],
  ["a member of the viewer group", { uid: 1000, groups: [1000, 51] }, "viewer"],
  ["anybody else", { uid: 1000, groups: [1000] }, undefined],
  ["the user of the engines, though in the admin group", { uid: 900, groups: [50] }, undefined],
])("law 8: role of %s", (_who, peer, role) => {
  expect(roleOf(peer, rules)).toBe(role);
});
