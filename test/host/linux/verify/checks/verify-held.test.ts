import { expect, test } from "vitest";
import { renderNft } from "../../../../../src/host/linux/firewall/render-nft.ts";
import type { RenderedTable } from "../../../../../src/host/linux/firewall/table-writer.ts";
import { tableOfRendered } from "../../../../../src/host/linux/verify/rule-table.ts";
import { verifyRuleset } from "../../../../../src/host/linux/verify/verify-ruleset.ts";
import type { FirewallPolicy } from "../../../../../src/model/firewall/policy.ts";
import type { Expression, Verdict } from "../../../../../src/native/linux/nftables/expression.ts";
import { matchIn } from "../../../../../src/native/linux/nftables/match.ts";
import { LAPTOP, policyOf } from "../../../../model/firewall/policies.ts";

const PHYSICAL = ["eth0", "wlan0"];

function render(policy: FirewallPolicy): readonly [RenderedTable, RenderedTable] {
  return renderNft(policy, { devices: PHYSICAL, identity: "test", ownedTables: true }) as [
    RenderedTable,
    RenderedTable,
  ];
}

function said(policy: FirewallPolicy, tables: readonly RenderedTable[]): string[] {
  const common = { devices: PHYSICAL, framed: PHYSICAL, indexes: new Map<string, number>(), sources: [] };
  const { findings } = verifyRuleset({ policy, tables: tables.map(tableOfRendered), ...common });
  return findings.map(({ kind, message }) => `${kind}: ${message}`);
}

type Chain = RenderedTable["chains"][number];

/** The tables with another form of the chain that copies. */
function withHeld(
  [inet, netdev]: readonly RenderedTable[],
  change: (held: Chain) => readonly Chain[],
): RenderedTable[] {
  if (inet === undefined || netdev === undefined) throw new Error("a table is missing");
  return [inet, { ...netdev, chains: netdev.chains.flatMap((one) => (one.name === "held" ? change(one) : [one])) }];
}

const at = (base: Partial<NonNullable<Chain["base"]>>) => (held: Chain) =>
  held.base === undefined ? [] : [{ ...held, base: { ...held.base, ...base } }];

type Rule = RenderedTable["rules"][number];

const TO_TEN: readonly Expression[] = matchIn("netdev").daddr("10.0.0.0/8");

const isCopyOf = ({ chain, expressions }: Rule, last: number) =>
  chain === "held" && expressions.some((one) => one.kind === "payload-set" && one.offset === last);

const ruleIn = (chain: string, then: Verdict, conditions: readonly Expression[] = []): Rule => ({
  family: "netdev",
  table: "awg",
  chain,
  expressions: [...conditions, { kind: "verdict", verdict: then }],
});

const narrowed = (device: string, chain: string) =>
  `leak: a frame out of a ring that its sender maps may leave by ${device} as it was changed behind the judgement: the rules of the chain ${chain} are not those that copy what the chain frames judges it by (S9.6)`;

const lacking = (device: string) =>
  `leak: a frame out of a ring that its sender maps leaves by ${device} as it was changed behind the judgement: nothing copies what the chain frames judges it by (S9.6)`;

test("S9.6: what is rendered copies before it judges, with the kill switch and without", () => {
  expect(said(LAPTOP, render(LAPTOP))).toEqual([]);
  const off = policyOf({ ...LAPTOP.layers[0], killSwitch: false });
  expect(said(off, render(off))).toEqual([]);
});

test.each([
  ["is gone", () => [], PHYSICAL],
  ["stands on one device alone", at({ devices: ["eth0"] }), ["wlan0"]],
  ["comes behind the one that judges", at({ priority: 10 }), PHYSICAL],
  ["is no base chain", ({ base: _base, ...bare }: Chain) => [bare], PHYSICAL],
] as const)("S9.6: the chain that copies %s", (_, change, devices) => {
  expect(said(LAPTOP, withHeld(render(LAPTOP), change))).toEqual(devices.map(lacking));
});

test("S9.6: the chain that copies copies nothing any more", () => {
  const [inet, netdev] = render(LAPTOP);
  const rules = netdev.rules.filter(({ chain }) => !chain.startsWith("held"));
  expect(said(LAPTOP, [inet, { ...netdev, rules }])).toEqual(PHYSICAL.map(lacking));
});

test.each([
  ["of the IPv4 header", 19],
  ["of the IPv6 header", 39],
])("S9.6: the copy %s is gone, the others stand", (_, last) => {
  const [inet, netdev] = render(LAPTOP);
  const rules = netdev.rules.filter(
    ({ chain, expressions }) =>
      chain !== "held" || !expressions.some((one) => one.kind === "payload-set" && one.offset === last),
  );
  expect(rules).toHaveLength(netdev.rules.length - 1);
  expect(said(LAPTOP, [inet, { ...netdev, rules }])).toEqual(PHYSICAL.map(lacking));
});

test("S9.6: one copy alone is left", () => {
  const [inet, netdev] = render(LAPTOP);
  const left = netdev.rules.findLast(({ chain }) => chain === "held");
  const rules = netdev.rules.filter((rule) => !rule.chain.startsWith("held") || rule === left);
  expect(said(LAPTOP, [inet, { ...netdev, rules }])).toEqual(PHYSICAL.map(lacking));
});

/** Copies under a condition, or passed by: what the chain says, and which chain it is told of. */
const NARROWED: readonly [string, string, (rules: readonly Rule[]) => readonly Rule[]][] = [
  [
    "the copy of the IPv4 header asks for a destination",
    "held",
    (rules) =>
      rules.map((rule) => (isCopyOf(rule, 19) ? { ...rule, expressions: [...TO_TEN, ...rule.expressions] } : rule)),
  ],
  ["all is accepted before", "held", (rules) => [ruleIn("held", { code: "accept" }), ...rules]],
  [
    "what goes to a destination is accepted before",
    "held",
    (rules) => [ruleIn("held", { code: "accept" }, TO_TEN), ...rules],
  ],
  [
    "what stands behind IPv4 is returned from before",
    "held-ipv4",
    (rules) => [ruleIn("held-ipv4", { code: "return" }), ...rules],
  ],
  [
    "nothing is copied behind IPv6's extensions",
    "held-extensions",
    (rules) => rules.filter(({ chain }) => chain !== "held-extensions"),
  ],
  [
    "the rules stand in another order",
    "held",
    (rules) => [
      ...rules.filter(({ chain }) => chain !== "held"),
      ...rules.filter(({ chain }) => chain === "held").toReversed(),
    ],
  ],
];

test.each(NARROWED)("S9.6: the chain that copies is another: %s", (_, chain, change) => {
  const [inet, netdev] = render(LAPTOP);
  const rules = change(netdev.rules);
  expect(said(LAPTOP, [inet, { ...netdev, rules }])).toEqual(PHYSICAL.map((device) => narrowed(device, chain)));
});

test("S9.6: the set of IPv6's extensions lacks one", () => {
  const [inet, netdev] = render(LAPTOP);
  const sets = netdev.sets.map((one) =>
    one.set.name === "ipv6-extensions" ? { ...one, elements: one.elements.slice(1) } : one,
  );
  expect(said(LAPTOP, [inet, { ...netdev, sets }])).toEqual(PHYSICAL.map((device) => narrowed(device, "held-ipv6")));
});

test("S9.6: counters and comments in the chain that copies are nothing to tell", () => {
  const [inet, netdev] = render(LAPTOP);
  const rules = netdev.rules.map(({ comment: _comment, ...rule }) => ({
    ...rule,
    expressions: [{ kind: "counter", packets: 3n, bytes: 90n } as const, ...rule.expressions],
  }));
  expect(said(LAPTOP, [inet, { ...netdev, rules }])).toEqual([]);
});

test("S9.6: where nothing is judged nothing need be copied", () => {
  expect(said(LAPTOP, render(LAPTOP).slice(0, 1)).filter((one) => one.includes("S9.6"))).toEqual([]);
});
