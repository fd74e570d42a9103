import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge, markAfterSteering } from "../../src/model/firewall/evaluate.ts";
import type { Packet } from "../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import { pathOfMark } from "../../src/model/ownership.ts";
import { grantedBy, markedFor } from "../../src/verify/policy/policy-formula.ts";
import { HOOKS, POSSIBLE } from "../../src/verify/policy/possible-packets.ts";
import { NOTHING } from "../../src/verify/space/decision-diagram.ts";
import { type HeaderPoint, packetOf } from "../../src/verify/space/header-point.ts";
import { type Formula, termsOf } from "../../src/verify/space/packet-fields.ts";
import { PacketSpace } from "../../src/verify/space/packet-space.ts";
import { pointFormula } from "../../src/verify/space/point-formula.ts";
import { oneOfThreeLong, packetArbitrary, policyArbitrary } from "../model/firewall/arbitraries.ts";
import { withHighNumbers } from "../model/firewall/policies.ts";
import { SEED } from "../support/seeded.ts";

const POLICIES = 60;
const PACKETS_EACH = 60;
const DEVICES = ["eth0", "wlan0", "awg-office", "awg-proxy", "awg-third"];

const policies = fc
  .sample(policyArbitrary, { seed: SEED, numRuns: POLICIES })
  .map((policy, index) => (index % 2 === 0 ? policy : withHighNumbers(policy)));
const packets = fc
  .sample(packetArbitrary, { seed: SEED, numRuns: POLICIES * PACKETS_EACH })
  .map(oneOfThreeLong)
  .map((packet, index): Packet => ({ ...packet, byRouter: index % 2 === 0 }));

function trackingOf({ reply, related }: Packet): HeaderPoint["tracking"] {
  if (related === true) return reply === true ? "related-answer" : "related";
  return reply === true ? "answer" : "new";
}

/** The packet as a point; what the evaluator does not look at is filled in. */
function pointOf(packet: Packet): HeaderPoint {
  const isIcmp = packet.icmpType !== undefined;
  return {
    in: packet.inDevice ?? "",
    out: packet.outDevice ?? "",
    tracking: trackingOf(packet),
    fragment: packet.laterFragment === true ? "later" : "whole",
    hop: packet.byRouter === true ? "router" : "destination",
    ...(packet.uid === undefined ? {} : { user: packet.uid }),
    mark: packet.mark ?? 0,
    protocol: packet.protocol,
    length: packet.bytes ?? 84,
    hops: packet.hopLimit ?? 64,
    word0: isIcmp ? ((packet.icmpType ?? 0) << 8) + (packet.icmpCode ?? 0) : (packet.sourcePort ?? 0),
    word2: packet.destinationPort ?? 0,
    destination: packet.destination,
    source: packet.source,
  };
}

function spaceFor(family: 4 | 6, formulas: readonly Formula[]): PacketSpace {
  const terms = formulas.flatMap(termsOf);
  return new PacketSpace({ family, terms, markUses: [], devices: DEVICES });
}

function accepts(policy: FirewallPolicy, packet: Packet): boolean {
  return judge(policy, packet).verdict === "accept";
}

function show(policy: FirewallPolicy, packet: Packet): string {
  const text = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}: ${judge(policy, packet).reason}\n${text}\n${JSON.stringify(policy)}`;
}

describe("a policy as sets of packets", { timeout: 300_000 }, () => {
  test(`holds each of ${POLICIES * PACKETS_EACH} packets that the evaluator accepts, and no other`, () => {
    let accepted = 0;
    for (const [index, policy] of policies.entries()) {
      for (const family of [4, 6] as const) {
        const mine = packets
          .slice(index * PACKETS_EACH, (index + 1) * PACKETS_EACH)
          .filter((packet) => packet.destination.family === family);
        const points = mine.map((packet) => pointFormula(pointOf(packet)));
        const granted = Object.fromEntries(HOOKS.map((hook) => [hook, grantedBy(policy, hook, family)]));
        const space = spaceFor(family, [...points, ...Object.values(granted)]);
        for (const [at, packet] of mine.entries()) {
          const point = space.ofFormula(points[at] as Formula);
          const inside = space.diagrams.and(point, space.ofFormula(granted[packet.hook] as Formula)) !== NOTHING;
          const expected = accepts(policy, packetOf(pointOf(packet), packet.hook));
          expect(inside, show(policy, packet)).toBe(expected);
          if (inside) accepted += 1;
        }
      }
    }
    expect(accepted).toBeGreaterThan(300);
  });

  test("picks packets that the evaluator judges the same", () => {
    for (const policy of policies) {
      for (const family of [4, 6] as const) {
        for (const hook of HOOKS) {
          const granted = grantedBy(policy, hook, family);
          const space = spaceFor(family, [granted, POSSIBLE[hook]]);
          const all = space.ofFormula(POSSIBLE[hook]);
          const [inside, outside] = [
            space.diagrams.and(all, space.ofFormula(granted)),
            space.diagrams.minus(all, space.ofFormula(granted)),
          ];
          for (const [set, verdict] of [
            [inside, "accept"],
            [outside, "drop"],
          ] as const) {
            if (set === NOTHING) continue;
            const packet = packetOf(space.pick(set), hook);
            expect(accepts(policy, packet), show(policy, packet)).toBe(verdict === "accept");
          }
        }
      }
    }
  });

  test("S4: says of each packet sent here the path that its mark will name", () => {
    let checked = 0;
    for (const [index, policy] of policies.entries()) {
      for (const packet of packets.slice(index * PACKETS_EACH, (index + 1) * PACKETS_EACH)) {
        if (packet.hook !== "output" || packet.outDevice === "lo" || packet.mark === 0) continue;
        const { family } = packet.destination;
        const number = pathOfMark(markAfterSteering(policy, packetOf(pointOf(packet), "output")));
        const point = pointFormula(pointOf(packet));
        const marked = markedFor(policy, family, number);
        const space = spaceFor(family, [point, marked]);
        expect(space.diagrams.and(space.ofFormula(point), space.ofFormula(marked)), show(policy, packet)).not.toBe(
          NOTHING,
        );
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(500);
  });
});
