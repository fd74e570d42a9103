import { expect, test } from "vitest";
import { renderForLinux } from "../../../src/app/render/render-linux.ts";
import type { Resource } from "../../../src/model/resource.ts";
import { policyOf } from "../../model/firewall/policies.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft");
const KEY = "boot/awg_boot";

function rendered(killSwitch: boolean): ReturnType<typeof renderForLinux> {
  const resource: Resource = { kind: "firewall", key: "firewall/machine", spec: policyOf({ killSwitch }) };
  return renderForLinux({ resources: [resource] });
}

test("the boot table is a part of its own where the kill switch is on, and only there", () => {
  expect(rendered(true).map(({ key }) => key)).toEqual(["firewall/machine", KEY]);
  expect(rendered(false).map(({ key }) => key)).toEqual(["firewall/machine"]);
});

test.skipIf(obstacle !== undefined)(`nft takes the boot table as printed${obstacle ? ` (${obstacle})` : ""}`, () => {
  using space = makeNamespace("boot-table");
  const text = rendered(true).find(({ key }) => key === KEY)?.text ?? "";
  expect(text.split("\n", 2)).toEqual(["#!/usr/sbin/nft -f", `# ${KEY}`]);
  space.run(["nft", "-c", "-f", "-"], { input: text });
  expect(space.run(["nft", "list", "tables"]).stdout).toBe("");
  const wrong = space.run(["nft", "-c", "-f", "-"], {
    input: text.replace("policy drop", "policy nothing"),
    mayFail: true,
  });
  expect(wrong.status).not.toBe(0);
});
