import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anchorCallText } from "../../../../src/host/darwin/pf/printed/anchor-groups.ts";
import { parsePrintedRules, printedText } from "../../../../src/host/darwin/pf/printed/parse-printed.ts";
import { PF_ANCHOR, policyIdentity, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { pfPolicyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { FakePf } from "../fake/programs/fake-pf.ts";
import { printRules } from "../fake/programs/print-pf.ts";
import { PROTOCOLS, SERVICES } from "../pf/pf-names.ts";

const NAMES = {
  protocol: (name: string) => PROTOCOLS.get(name),
  port: (name: string) => SERVICES.get(name),
};
const POLICIES = 120;
const BY_USER = policyOf({
  flows: { rules: [{ origin: "rules/0", match: { uids: [{ from: 501, to: 501 }] }, path: DIRECT }], default: OFFICE },
});

/** The canonical texts of each anchor, as parsed from what the double of PF prints; sorted within each group. */
function readBack(text: string): Map<string, string[]> {
  const pf = new FakePf();
  pf.load(PF_ANCHOR, text);
  return new Map(
    [...pf.anchors].map(([path, { rules }]) => [
      path,
      parsePrintedRules(printRules(rules).join("\n"), NAMES).map(printedText),
    ]),
  );
}

function inGroups(groups: readonly (readonly string[])[], texts: readonly string[]): string[][] {
  let at = 0;
  const found = groups.map((group) => {
    const slice = texts.slice(at, at + group.length);
    at += group.length;
    return slice.toSorted();
  });
  return at < texts.length ? [...found, [...texts.slice(at)]] : found;
}

describe("H1: what PF prints of our rules", () => {
  test(`says the same as what ${POLICIES} policies render to, rule by rule`, () => {
    let rules = 0;
    for (const policy of fc.sample(pfPolicyArbitrary, { seed: SEED, numRuns: POLICIES })) {
      const { text, anchors } = renderPf(policy, policyIdentity(policy));
      const printed = readBack(text);
      for (const [path, groups] of anchors) {
        const texts = printed.get(path) ?? [];
        rules += texts.length;
        expect(inGroups(groups, texts), `seed ${SEED}: ${path}\n${text}`).toEqual(groups.map((one) => one.toSorted()));
      }
      expect([...printed.keys()].toSorted()).toEqual([...anchors.keys()].toSorted());
    }
    console.log(`${rules} printed rules read back`);
    expect(rules).toBeGreaterThan(4000);
  });

  test("distinguishes every change of a word", () => {
    const lines = [LAPTOP, BY_USER].flatMap((policy) => printRules(rulesOf(policy)));
    const changes: [RegExp, string][] = [
      [/ quick/, ""],
      [/^pass/, "block drop"],
      [/^block drop/, "block return"],
      [/ in /, " out "],
      [/proto tcp/, "proto udp"],
      [/ user = (\d+)/, " user = 9$1"],
      [/ port = (\w+)/, " port != $1"],
      [/ \(if-bound\)/, ""],
      [/ on ! (\S+)/, " on $1"],
      [/ fragment/, ""],
      [/label "awg/, 'label "foo'],
      [/ all/, " from 10.0.0.0/8 to any"],
    ];
    const seen = new Set<number>();
    for (const line of lines) {
      for (const [at, [from, to]] of changes.entries()) {
        const other = line.replace(from, to);
        if (other === line) continue;
        seen.add(at);
        const [before, after] = parsePrintedRules(`${line}\n${other}`, NAMES).map(printedText);
        expect(after, other).not.toBe(before);
      }
    }
    expect(changes.filter((_, at) => !seen.has(at))).toEqual([]);
  });

  test.each([
    // Real lines, of public captures (macOS 10.15 to 15).
    ['anchor "com.apple/*" all', anchorCallText("com.apple/*")],
    [
      'scrub-anchor "com.apple/*" all fragment reassemble',
      'not ours: scrub-anchor "com.apple/*" all fragment reassemble',
    ],
    [
      "pass in quick on lo0 reply-to lo0 inet proto udp from any to 127.0.0.1 port = 5354",
      "not ours: pass in quick on lo0 reply-to lo0 inet proto udp from any to 127.0.0.1 port = 5354",
    ],
  ])("reads %s", (line, text) => {
    expect(parsePrintedRules(line, NAMES).map(printedText)).toEqual([text]);
  });

  test("a table may be printed with the number of its addresses", () => {
    const texts = ["<awg_0>", "<awg_0:9>", "<awg_0:*>"].map((table) =>
      parsePrintedRules(`pass out quick from any to ${table} no state`, NAMES).map(printedText),
    );
    expect(texts[0]?.[0]).toContain("<awg_0>");
    expect(texts.slice(1)).toEqual([texts[0], texts[0]]);
  });

  test("counts what a rule matched by the line behind it", () => {
    const text = [
      "block drop quick all",
      "  [ Evaluations: 12        Packets: 7         Bytes: 420         States: 0     ]",
      "  [ Inserted: uid 0 pid 4063 ]",
      "pass quick on lo0 all allow-opts",
      "",
    ].join("\n");
    expect(parsePrintedRules(text, NAMES).map(({ packets }) => packets)).toEqual([7, 0]);
  });

  test("never fails on what it does not know", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        for (const rule of parsePrintedRules(text, NAMES)) expect(typeof printedText(rule)).toBe("string");
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

function rulesOf(policy: FirewallPolicy) {
  const pf = new FakePf();
  pf.load(PF_ANCHOR, renderPf(policy, policyIdentity(policy)).text);
  return [...pf.anchors.values()].flatMap(({ rules }) => rules);
}
