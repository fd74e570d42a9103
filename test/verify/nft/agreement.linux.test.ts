import { describe, expect, test } from "vitest";
import { LAPTOP, policyOf } from "../../model/firewall/policies.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { Agreement, drawSamples, FOREIGN_CROSSING, MEDDLINGS } from "./agreement.ts";
import { foreignRules } from "./foreign-rules.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft");
const PACKETS = 320;
const limit = { timeout: 600_000 };
/** Without the kill switch nearly all packets pass awg's rules, so that other rules decide. */
const OPEN = policyOf({ ...LAPTOP.layers[0], killSwitch: false });
const RULES = 32;

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
});
