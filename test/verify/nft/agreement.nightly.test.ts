import { describe, expect, test } from "vitest";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../../model/firewall/policies.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { Agreement, drawSamples, FOREIGN_CROSSING, MASQUERADE, MEDDLINGS, type Meddling } from "./agreement.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft");
const PACKETS = 11_000;

const changed = policyOf({ allowLan: true, flows: { rules: [], default: OFFICE } });
const untouched: Meddling = { name: "nothing", commands: [] };
const open = policyOf({ ...LAPTOP.layers[0], killSwitch: false });
const RULESETS: readonly (readonly [string, FirewallPolicy, Meddling])[] = [
  ...MEDDLINGS.map((meddling) => [`the laptop's, ${meddling.name}`, LAPTOP, meddling] as const),
  ["an inclusive one", policyOf({ flows: { ...LAPTOP.steering, default: DIRECT } }), untouched],
  ["the blocked one", blockedPolicy(), untouched],
  ["the one between two", between(LAPTOP, changed) as FirewallPolicy, untouched],
  ["one without the kill switch", open, untouched],
  ["the same beside another program's rules on crossing and flows", open, FOREIGN_CROSSING],
  ["an inclusive one beside the same", policyOf({ flows: { ...LAPTOP.steering, default: DIRECT } }), FOREIGN_CROSSING],
  ["one without the kill switch beside a masquerade", open, MASQUERADE],
  ["the laptop's beside a masquerade", LAPTOP, MASQUERADE],
];

describe.skipIf(obstacle !== undefined)(`awg verify (${obstacle ?? "on this kernel"})`, () => {
  test("law 1: agrees with what is captured on more than 10,000 packets of the whole header space", {
    timeout: 3_600_000,
  }, () => {
    using agreement = new Agreement();
    const samples = drawSamples(PACKETS);
    const each = Math.ceil(samples.length / RULESETS.length);
    let compared = 0;
    for (const [index, [name, policy, meddling]] of RULESETS.entries()) {
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
