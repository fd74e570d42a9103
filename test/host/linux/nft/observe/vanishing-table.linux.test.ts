import { expect, test } from "vitest";
import { makeNamespace, namespaceObstacle } from "../../../../support/netns.ts";

test.skipIf(namespaceObstacle() !== undefined)("a table that is deleted while it is read is left out", () => {
  using space = makeNamespace("vanish");
  expect(space.runScript("test/host/linux/nft/observe/vanishing-table.script.ts", {})).toEqual(["arp"]);
});
