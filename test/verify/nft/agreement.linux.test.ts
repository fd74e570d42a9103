import { describe, expect, test } from "vitest";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../../model/firewall/policies.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { isFullSize } from "../../support/size.ts";
import { Agreement, drawSamples, FOREIGN_CROSSING, MASQUERADE, MEDDLINGS, type Meddling } from "./agreement.ts";
import { foreignRules } from "./foreign-rules.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft");
const PACKETS = 320;
const limit = { timeout: 600_000 };
/** Without the kill switch nearly all packets pass awg's rules, so that other rules decide. */
const OPEN = policyOf({ ...LAPTOP.layers[0], killSwitch: false });
const RULES = 32;

/** What the full size compares. */
const ALL_PACKETS = 11_000;
const changed = policyOf({ allowLan: true, flows: { rules: [], default: OFFICE } });
const untouched: Meddling = { name: "nothing", commands: [] };
const ALL_RULESETS: readonly (readonly [string, FirewallPolicy, Meddling])[] = [
  ...MEDDLINGS.map((meddling) => [`the laptop's, ${meddling.name}`, LAPTOP, meddling] as const),
  ["an inclusive one", policyOf({ flows: { ...LAPTOP.steering, default: DIRECT } }), untouched],
  ["the blocked one", blockedPolicy(), untouched],
  ["the one between two", between(LAPTOP, changed) as FirewallPolicy, untouched],
  ["one without the kill switch", OPEN, untouched],
  ["the same beside another program's rules on crossing and flows", OPEN, FOREIGN_CROSSING],
  ["an inclusive one beside the same", policyOf({ flows: { ...LAPTOP.steering, default: DIRECT } }), FOREIGN_CROSSING],
  ["one without the kill switch beside a masquerade", OPEN, MASQUERADE],
  ["the laptop's beside a masquerade", LAPTOP, MASQUERADE],
];

describe.skipIf(obstacle !== undefined)(`awg verify (${obstacle ?? "on this kernel"})`, () => {
  test(
    "law 1: what comes through a ruleset and a broken one is exactly what it says, by sampled packets",
    limit,
    () => {
      using agreement = new Agreement();
      const samples = drawSamples(PACKETS);
      const each = Math.ceil(samples.length / 4);
      const part = (index: number) => samples.slice(index * each, (index + 1) * each);
      const foreign = foreignRules(part(2), RULES, commandObstacle("iptables-nft") === undefined);
      const rulesets = [
        [LAPTOP, MEDDLINGS[0]],
        [LAPTOP, MEDDLINGS[2]],
        [OPEN, foreign],
        [OPEN, FOREIGN_CROSSING],
      ] as const;
      const trackings = new Set<string>();
      for (const [index, [policy, meddling]] of rulesets.entries()) {
        if (meddling === undefined) throw new Error("nothing to meddle with");
        agreement.load(policy, meddling);
        const { kinds, passed, samples: sent } = agreement.compare(policy, meddling, part(index), index % 3 === 0);
        for (const { tracking, packet } of sent) trackings.add(`${packet.hook} ${tracking ?? "new"}`);
        expect(kinds.includes("leak"), meddling.name).toBe(index === 1);
        expect(passed).toBeGreaterThan(5);
      }
      const hooks = ["output", "input", "forward"];
      const known = hooks.flatMap((hook) => ["new", "established", "answer"].map((tracking) => `${hook} ${tracking}`));
      expect([...trackings]).toEqual(expect.arrayContaining([...known, "input related-answer"]));
    },
  );

  if (isFullSize)
    test("law 1: agrees with what is captured on more than 10,000 packets of the whole header space", {
      timeout: 3_600_000,
    }, () => {
      using agreement = new Agreement();
      const samples = drawSamples(ALL_PACKETS);
      const each = Math.ceil(samples.length / ALL_RULESETS.length);
      let compared = 0;
      for (const [index, [name, policy, meddling]] of ALL_RULESETS.entries()) {
        agreement.load(policy, meddling);
        const part = samples.slice(index * each, (index + 1) * each);
        const { kinds, passed, samples: sent } = agreement.compare(policy, meddling, part);
        const isBroken = MEDDLINGS.includes(meddling) && meddling.name !== "nothing";
        expect(kinds.includes("leak"), name).toBe(isBroken);
        console.log(`${name}: ${sent.length} packets, ${passed} came through; found: ${kinds.join(", ") || "nothing"}`);
        compared += sent.length;
      }
      expect(compared).toBeGreaterThanOrEqual(10_000);
    });
});
