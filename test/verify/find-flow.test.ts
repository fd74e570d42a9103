import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fallbackSwitches, withFallback } from "../../src/model/firewall/fallback.ts";
import { compileFlowPath, compileMatch } from "../../src/model/firewall/flow-path.ts";
import { flowOf } from "../../src/model/firewall/packet.ts";
import type { FirewallPolicy, PathRef } from "../../src/model/firewall/policy.ts";
import { findFlow } from "../../src/verify/policy/find-flow.ts";
import { packetArbitrary, steadyPolicyArbitrary } from "../model/firewall/arbitraries.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../model/firewall/policies.ts";
import { SEED } from "../support/seeded.ts";

const isDirect = (path: PathRef) => path.kind === "direct";
const uid = (from: number) => [{ from, to: from }];

describe("a packet that has a path it must not have", () => {
  test("is found where a rule gives it, with the rule", () => {
    const found = findFlow(LAPTOP, [{ destinations: ["198.51.100.0/24"], protocol: 6 }], isDirect);
    expect(found?.reason).toBe("S4.4 rules/1 (mirror)");
    expect(found?.packet).toMatchObject({ protocol: 6, destinationPort: 80 });
  });

  test("is not found where no rule, exception or default gives it", () => {
    expect(findFlow(policyOf({}), [{}], isDirect)).toBeUndefined();
    expect(findFlow(LAPTOP, [{ uids: uid(1500) }], isDirect)?.reason).toBeUndefined();
  });

  test("is found while a fallback would be in force", () => {
    const flows = { rules: [], default: { ...OFFICE, fallback: "direct" } as PathRef };
    expect(findFlow(policyOf({ flows }), [{ uids: uid(7) }], isDirect)).toMatchObject({ packet: { uid: 7 } });
  });

  test("exists for each sampled flow that the evaluator sends there", () => {
    const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 1_500 });
    const policies: FirewallPolicy[] = fc.sample(steadyPolicyArbitrary, { seed: SEED, numRuns: 30 });
    let met = 0;
    for (const [index, policy] of policies.entries()) {
      const layer = policy.layers[0];
      if (layer === undefined) continue;
      const match = { uids: [{ from: 0, to: 1599 }], protocol: 6 };
      const found = findFlow(policy, [match], isDirect);
      const pathOf = compileFlowPath(withFallback(policy, fallbackSwitches(policy)).steering, layer);
      const sampled = packets.slice(50 * index, 50 * index + 50).filter((packet) => {
        const flow = flowOf(packet, new Set());
        return packet.hook === "output" && compileMatch(match)(flow) && isDirect(pathOf(flow).path);
      });
      if (sampled.length > 0) expect(found, `seed ${SEED}: ${JSON.stringify(policy)}`).toBeDefined();
      met += sampled.length > 0 ? 1 : 0;
    }
    expect(met).toBeGreaterThan(5);
  });

  test("is the default where that is direct", () => {
    expect(findFlow(policyOf({ flows: { rules: [], default: DIRECT } }), [{}], isDirect)?.reason).toBe("S4.7 default");
  });
});
