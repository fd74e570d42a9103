import { describe, expect, test } from "vitest";
import { renderNft } from "../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../src/host/linux/nft/render/rendered-table.ts";
import type { PathRef } from "../../../src/model/firewall/policy.ts";
import { markOfClass } from "../../../src/model/ownership.ts";
import type { Expression } from "../../../src/native/linux/nftables/expression.ts";
import type { VerifyFinding } from "../../../src/verify/finding.ts";
import { tableOfRendered } from "../../../src/verify/nft/rule-table.ts";
import { verifyRuleset } from "../../../src/verify/nft/verify-ruleset.ts";
import { DIRECT, OFFICE, policyOf } from "../../model/firewall/policies.ts";

const rule = (origin: string, numbers: readonly number[], path: PathRef) =>
  ({ match: { classes: { in: numbers } }, path, origin }) as const;
const policy = policyOf({
  flows: { rules: [rule("rules/0", [7], DIRECT), rule("rules/1", [9, 12], { kind: "block" })], default: OFFICE },
});
const rendered = renderNft(policy, { devices: ["eth0"], identity: "test", ownedTables: true });

/** The class as nf_tables compares it: the bits of a mark in the order of this host. */
const bytesOf = (number: number) => new Uint8Array(Uint32Array.of(markOfClass(number)).buffer);
const isClass = (bytes: Uint8Array | undefined, number: number) =>
  bytes !== undefined && Buffer.compare(bytes, bytesOf(number)) === 0;
const otherClass = (one: Expression): Expression =>
  one.kind === "cmp" && isClass(one.data, 7) ? { ...one, data: bytesOf(8) } : one;

/** Class 8 for 7 in the rules of these chains. */
const inChains = (...chains: readonly string[]): readonly RenderedTable[] =>
  rendered.map((table) => ({
    ...table,
    rules: table.rules.map((one) =>
      chains.includes(one.chain) ? { ...one, expressions: one.expressions.map(otherClass) } : one,
    ),
  }));

/** Class 10 for 9 in every set. */
const inSets: readonly RenderedTable[] = rendered.map((table) => ({
  ...table,
  sets: table.sets.map((one) => ({
    ...one,
    elements: one.elements.map((at) => (isClass(at.from, 9) ? { ...at, from: bytesOf(10) } : at)),
  })),
}));

function verify(tables: readonly RenderedTable[]): readonly VerifyFinding[] {
  const devices = ["eth0", "awg-office"];
  const around = { devices, framed: ["eth0"], indexes: new Map<string, number>(), sources: ["192.168.1.2"] };
  return verifyRuleset({ policy, tables: tables.map(tableOfRendered), ...around }).findings;
}

describe("law 1: verification of rules by class, each with another class than the policy's", () => {
  test("finds nothing in the rules as rendered", () => {
    expect(verify(rendered)).toEqual([]);
  });

  test.each([
    ["where packets are marked", inChains("steer"), ["misroute"]],
    ["where they are judged", inChains("paths"), ["leak", "stray", "lock-out"]],
    ["in both", inChains("steer", "paths"), ["leak", "stray", "lock-out"]],
    ["in a set", inSets, ["stray", "lock-out"]],
  ])("%s", (_place, tables, kinds) => {
    expect(tables).not.toEqual(rendered);
    const found = verify(tables);
    expect(found.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
  });
});
