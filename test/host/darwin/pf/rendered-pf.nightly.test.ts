import fc from "fast-check";
import { expect, test } from "vitest";
import { between, blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import { packetArbitrary, policyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { LAPTOP, policyOf } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { type Agreement, compareVerdicts, isUnseen } from "./differential.ts";

const PACKETS_EACH = 100_000;
const RANDOM_POLICIES = 20;
const POLICIES = [
  LAPTOP,
  policyOf({}),
  policyOf({ killSwitch: false }),
  between(LAPTOP, policyOf({})) ?? blockedPolicy(),
  blockedPolicy(),
  ...fc.sample(policyArbitrary, { seed: SEED, numRuns: RANDOM_POLICIES }),
];

test.each(POLICIES.map((policy, index) => [index, policy] as const))(
  `policy %i: PF judges ${PACKETS_EACH} packets as it does (D9)`,
  (index, policy) => {
    const counts: Agreement = { equal: 0, stricter: 0 };
    const packets = fc.sample(
      packetArbitrary.filter((packet) => !isUnseen(packet)),
      { seed: SEED + index, numRuns: PACKETS_EACH },
    );
    compareVerdicts(policy, packets, counts);
    console.log(`policy ${index}: ${counts.equal} alike, ${counts.stricter} refused as S13 says`);
    expect(counts.equal + counts.stricter).toBe(PACKETS_EACH);
    expect(counts.stricter).toBeLessThan(PACKETS_EACH / 3);
  },
);
