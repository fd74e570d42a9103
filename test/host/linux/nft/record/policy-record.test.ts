import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PolicyRecord } from "../../../../../src/host/linux/nft/load/policy-record.ts";
import type { FirewallPolicy } from "../../../../../src/model/firewall/policy.ts";
import { temporaryFolder } from "../../../../support/folder.ts";

const POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "block" } }, layers: [] };

/** What stands in the way where a file is to be written. */
function block(path: string): void {
  mkdirSync(path);
  writeFileSync(join(path, "any"), "");
}

test("what cannot be written beside a policy that is loaded fails no load, and no mark of another stays that can go", () => {
  const folder = temporaryFolder();
  const record = new PolicyRecord(folder);
  const identity = record.keep(POLICY);
  record.markLoaded({ identity, generation: 1 });
  expect(record.loaded()).toEqual({ identity, generation: 1 });
  block(join(folder, `firewall-loaded.json.${process.pid}`));
  record.markLoaded({ identity, generation: 2 });
  expect(record.loaded()).toBeUndefined();
  expect(record.find(identity)).toEqual(POLICY);
  for (const name of ["firewall-loaded.json", `policy-${"0".repeat(64)}.json`, "room"]) {
    const other = temporaryFolder();
    block(join(other, name));
    const blocked = new PolicyRecord(other);
    blocked.markLoaded({ identity: blocked.keep(POLICY), generation: 1 });
    expect(blocked.find(identity)).toEqual(POLICY);
  }
});
