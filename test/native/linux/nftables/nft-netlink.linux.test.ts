import { afterEach, describe, expect, it } from "vitest";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";
import { RULES, tablesAsText } from "./rule-table.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft");
const FOLDER = "test/native/linux/nftables";
const opened: TestNamespace[] = [];

afterEach(() => {
  for (const namespace of opened.splice(0)) namespace[Symbol.dispose]();
});

function open(label: string): TestNamespace {
  const namespace = makeNamespace(label);
  opened.push(namespace);
  return namespace;
}

describe.skipIf(obstacle !== undefined)(`nf_tables on the real kernel${obstacle ? ` (${obstacle})` : ""}`, () => {
  it("loads each case to what nft makes of its own words, and reads back what was sent", () => {
    const ours = open("nft-ours");
    const report = ours.runScript(`${FOLDER}/load.script.ts`) as Record<string, unknown>;
    expect(report["differing"]).toEqual([]);
    expect(report["rules"]).toBe(RULES.length);
    expect(report["comment"]).toBe("the cases");
    expect(report["sets"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "lan4", intervals: true, count: 4 }),
        expect.objectContaining({ name: "ranges", concatenated: true, intervals: true, count: 2 }),
        expect.objectContaining({ name: "users", comment: "who may", count: 2 }),
      ]),
    );
    expect(report["chains"]).toContainEqual(
      expect.objectContaining({
        family: "netdev",
        base: { type: "filter", hook: "egress", priority: 0, policy: "accept", devices: ["lo"] },
      }),
    );
    const theirs = open("nft-theirs");
    theirs.run(["nft", "-f", "-"], { input: tablesAsText() });
    const listed = (namespace: TestNamespace) => namespace.run(["nft", "-s", "list", "ruleset"]).stdout.split("\n");
    expect(listed(ours)).toEqual(listed(theirs));
  });

  it("takes comments up to the kernel's limit, those of sets less the note on their key", () => {
    const report = open("nft-comment").runScript(`${FOLDER}/comment-limit.script.ts`);
    expect(report).toEqual({ kept: [253, 247, 253, 253] });
  });

  it("commits whole or not at all, names the change that was refused, and keeps tables for their owner", () => {
    const report = open("nft-owner").runScript(`${FOLDER}/owner.script.ts`) as Record<string, unknown>;
    expect(report).toMatchObject({
      elements: [[1, 187]],
      rulesBefore: 1,
      rulesAfter: 1,
      second: { index: 1, errno: "ENOENT", message: expect.stringContaining("adding a rule to missing failed") },
      stale: { errno: "ERESTART" },
      foreign: { errno: "EPERM", kind: "permission" },
      foreignDelete: { errno: "EPERM" },
      ownerIsSocket: true,
      rulesOfOwner: 2,
      orphaned: [{ owned: false, persistent: true }],
      rulesOfOrphan: 2,
      adopted: [true],
      rulesAfterRemoval: 1,
      noTable: null,
      changedByUs: true,
    });
    expect(report["generationsTold"]).toBeGreaterThanOrEqual(8);
    // Devices by pattern came with kernel 6.18; where they work, they are read back as written.
    if (report["pattern"] === "nothing was refused") {
      expect(report["patternChain"]).toEqual(["lo", "zz*"]);
      expect([report["lessDevices"], report["devicesLeft"]]).toEqual(["nothing was refused", ["zz*"]]);
    }
  });

  it("reads a table only whole, also while another program keeps changing it", () => {
    const report = open("nft-rival").runScript(`${FOLDER}/rival.script.ts`) as Record<string, number>;
    expect(report["mixed"]).toBe(0);
    expect(report["whole"]).toBeGreaterThanOrEqual(1);
  });
});
