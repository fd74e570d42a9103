import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderNft } from "../../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../../src/host/linux/nft/render/rendered-table.ts";
import { judge, markAfterSteering } from "../../../../src/model/firewall/evaluate.ts";
import { ownMark, type Packet } from "../../../../src/model/firewall/packet.ts";
import {
  type FirewallPolicy,
  nameSetsOf,
  type PolicyLayer,
  rewritesSources,
  type Steering,
} from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { tableOfRendered } from "../../../../src/verify/nft/rule-table.ts";
import { verifyRuleset } from "../../../../src/verify/nft/verify-ruleset.ts";
import { packetArbitrary, policyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { OFFICE, policyOf, UNNAMED } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { runChain } from "./interpreter.ts";

const SETS = ["names-aaaaaaaaaaaa", "names-bbbbbbbbbbbb"];
const JUNK = new Uint8Array([0, 53, 0, 53, 0, 22, 0, 22]);
const CHAINS = {
  input: ["arriving", "entering"],
  output: ["steer", "leaving", "source-guard"],
  forward: ["arriving", "crossing", "leaving", "source-guard"],
};

/** The policy with names in its rules: instead of prefixes, or beside them. */
function named(policy: FirewallPolicy, choice: number): FirewallPolicy {
  const withNames = ({ rules, ...rest }: Steering): Steering => ({
    ...rest,
    rules: rules.map((rule, index) => {
      const sets = SETS.filter((_, at) => ((choice >> (2 * index + at)) & 1) === 1);
      const { destinations, ...match } = rule.match;
      const kept = destinations === undefined || choice % 2 === 0 ? {} : { destinations };
      return sets.length === 0 ? rule : { ...rule, match: { ...match, ...kept, sets } };
    }),
  });
  const layers = policy.layers.map((layer) => ({ ...layer, flows: withNames(layer.flows) }));
  return { steering: withNames(policy.steering), layers };
}

const policies = fc
  .sample(fc.tuple(policyArbitrary, fc.nat(1023)), { seed: SEED, numRuns: 400 })
  .map(([policy, choice]) => named(policy, choice))
  .filter((policy) => nameSetsOf(policy).length > 0);
const packets = fc
  .sample(fc.tuple(packetArbitrary, fc.subarray(SETS)), { seed: SEED, numRuns: 4000 })
  .map(([packet, sets]): Packet => ({ ...packet, sets }));

const render = (policy: FirewallPolicy) =>
  renderNft(policy, { devices: ["eth0"], uplinks: ["wlan0"], identity: "test", ownedTables: true })[0] as RenderedTable;

function verdictOf(table: RenderedTable, packet: Packet): string {
  let mark = packet.mark ?? 0;
  for (const chain of CHAINS[packet.hook]) {
    const untracked = packet.reply === undefined && packet.protocol === 47;
    const outcome = runChain(table, chain, { ...packet, mark }, { junk: JUNK, untracked });
    if (outcome.verdict === "drop") return "drop";
    mark = outcome.mark;
  }
  return "accept";
}

describe("S4.14: rules by dynamic sets", { timeout: 300_000 }, () => {
  test("judge and mark packets as the evaluator does, whatever the sets hold", () => {
    expect(policies.length).toBeGreaterThan(20);
    const decided = new Set<string>();
    for (const [index, policy] of policies.entries()) {
      const table = render(policy);
      expect(rewritesSources(policy)).toBe(true);
      for (let at = 0; at < 300; at += 1) {
        const packet = packets[(index * 300 + at) % packets.length] as Packet;
        if (ownMark(packet) === ENGINE_MARK) continue;
        const expected = judge(policy, packet);
        const without = judge(policy, { ...packet, sets: [] });
        if (expected.verdict !== without.verdict) decided.add(`${packet.hook} ${expected.verdict}`);
        const text = JSON.stringify([packet, policy], (_key, value) =>
          typeof value === "bigint" ? `${value}` : value,
        );
        expect(verdictOf(table, packet), `${expected.reason} ${text}`).toBe(expected.verdict);
        if (packet.hook !== "output" || expected.verdict === "drop") continue;
        const { mark } = runChain(table, "steer", packet, { junk: JUNK });
        expect(mark, text).toBe(markAfterSteering(policy, packet));
      }
    }
    for (const kind of ["output accept", "output drop", "input accept", "input drop"]) expect(decided).toContain(kind);
  });

  test("are proven with what the sets hold as an unknown: each rule that is left out or turned round is found", () => {
    const [layer] = UNNAMED.layers as [PolicyLayer];
    const flows: Steering = {
      rules: [
        {
          origin: "rules/0",
          match: { sets: [SETS[0] ?? ""], destinations: ["198.51.100.0/24"] },
          path: { kind: "direct" },
        },
        { origin: "rules/1", match: { sets: [SETS[1] ?? ""], protocol: 6 }, path: { kind: "block" } },
      ],
      default: OFFICE,
    };
    const policy = { ...policyOf({ ...layer, flows }), steering: flows };
    const tables = renderNft(policy, { devices: ["eth0"], identity: "test", ownedTables: true });
    const verify = (some: readonly RenderedTable[]) =>
      verifyRuleset({
        policy,
        tables: some.map(tableOfRendered),
        devices: ["eth0", "awg-office"],
        framed: ["eth0"],
        indexes: new Map(),
        sources: ["192.168.1.2"],
      }).findings;
    expect(verify(tables)).toEqual([]);
    const [inet, ...others] = tables as [RenderedTable, ...RenderedTable[]];
    const byName = inet.rules.flatMap(({ expressions }, index) =>
      expressions.some((one) => one.kind === "lookup" && one.set.startsWith("names-")) ? [index] : [],
    );
    expect(byName.length).toBeGreaterThan(6);
    for (const index of byName) {
      const rule = inet.rules[index] as RenderedTable["rules"][number];
      const turned = rule.expressions.map((one) => (one.kind === "lookup" ? { ...one, inverted: !one.inverted } : one));
      const mutants = [inet.rules.toSpliced(index, 1), inet.rules.with(index, { ...rule, expressions: turned })];
      for (const rules of mutants) expect(verify([{ ...inet, rules }, ...others]), rule.comment).not.toEqual([]);
    }
  });
});
