import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge, markAfterSteering, steer } from "../../../src/model/firewall/evaluate.ts";
import { compileGrants, type Grants } from "../../../src/model/firewall/grants.ts";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { parseIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, pathOfMark } from "../../../src/model/ownership.ts";
import { SEED } from "../../support/seeded.ts";
import { packetArbitrary, policyArbitrary, steadyPolicyArbitrary } from "./arbitraries.ts";

const PAIRS = 400;
const PACKETS_EACH = 150;
const pairs = fc.sample(fc.tuple(steadyPolicyArbitrary, steadyPolicyArbitrary), { seed: SEED, numRuns: PAIRS });
const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 10_000 });
/** Another stretch of the packets for each policy. */
const packetsFor = (index: number) =>
  Array.from({ length: PACKETS_EACH }, (_, at) => packets[(index * PACKETS_EACH + at) % packets.length] as Packet);
const accepts = (policy: FirewallPolicy, packet: Packet) => judge(policy, packet).verdict === "accept";

function show(packet: Packet, policy: FirewallPolicy): string {
  const text = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}\n${text}\n${JSON.stringify(policy)}`;
}

const compiled = new WeakMap<FirewallPolicy, readonly Grants[]>();

function grantsOf(policy: FirewallPolicy): readonly Grants[] {
  const grants = compiled.get(policy) ?? policy.layers.map(compileGrants);
  compiled.set(policy, grants);
  return grants;
}

/** Exceptions for our own sockets, which S10.2 keeps open for both states. */
function isOwnException(policy: FirewallPolicy, packet: Packet): boolean {
  return grantsOf(policy).some((grants) => {
    return (packet.hook === "output" ? grants.ownOut(packet) : grants.ownIn(packet)) !== undefined;
  });
}

/**
 * Without the kill switch a device that only one of them knows for a tunnel is no physical link to the other, so S2.2
 * and S2.3 speak of it in one and not in the other. No such packet leaves by a physical device.
 */
function isTunnelOfOne(before: FirewallPolicy, after: FirewallPolicy, packet: Packet): boolean {
  const layers = [...before.layers, ...after.layers];
  if (layers.every((layer) => layer.killSwitch)) return false;
  const has = (policy: FirewallPolicy, device?: string) =>
    policy.layers.some((layer) => layer.tunnels.some((tunnel) => tunnel.device === device));
  return [packet.inDevice, packet.outDevice].some((device) => has(before, device) !== has(after, device));
}

describe("the policy between two", { timeout: 300_000 }, () => {
  test("law 1: lets out only what old and new both let out, and our own sockets to either's endpoints (S10)", () => {
    let passed = 0;
    for (const [index, [before, after]] of pairs.entries()) {
      const middle = between(before, after) as FirewallPolicy;
      for (const packet of packetsFor(index)) {
        if (!accepts(middle, packet) || isTunnelOfOne(before, after, packet)) continue;
        passed += 1;
        const granted = [before, after].map((policy) => accepts(policy, packet));
        const own = [before, after].some((policy) => isOwnException(policy, packet));
        expect(granted[0] && granted[1] ? "both" : own ? "own" : "neither", show(packet, middle)).not.toBe("neither");
      }
    }
    expect(passed).toBeGreaterThan(1000);
  });

  test("keeps flows on a path that does not change", () => {
    let kept = 0;
    for (const [index, [before, after]] of pairs.entries()) {
      const middle = between(before, after) as FirewallPolicy;
      for (const packet of packetsFor(index)) {
        const isTunnel = [before, after].map(({ layers }) =>
          layers.some(({ tunnels }) => tunnels.some(({ device }) => device === packet.outDevice)),
        );
        if (packet.hook !== "output" || isTunnel[0] !== isTunnel[1]) continue;
        const paths = [before, after, middle].map((policy) => JSON.stringify(steer(policy, packet)));
        if (paths[0] !== paths[1] || [before, after].some((policy) => isOwnException(policy, packet))) continue;
        kept += 1;
        expect(paths[2], show(packet, middle)).toBe(paths[0]);
        const marks = [middle, after].map((policy) => pathOfMark(markAfterSteering(policy, packet)));
        expect(marks[0]).toBe(marks[1]);
      }
    }
    expect(kept).toBeGreaterThan(1000);
  });

  test("accepts what both accept on devices that mean the same to both", () => {
    for (const [index, [before, after]] of pairs.entries()) {
      const middle = between(before, after) as FirewallPolicy;
      const devices = (policy: FirewallPolicy) =>
        JSON.stringify(policy.layers.flatMap((layer) => layer.tunnels.map((tunnel) => tunnel.device)));
      if (devices(before) !== devices(after)) continue;
      for (const packet of packetsFor(index)) {
        if (accepts(before, packet) && accepts(after, packet)) {
          expect(judge(middle, packet).verdict, show(packet, middle)).toBe("accept");
        }
      }
    }
  });

  test("of one policy with itself is that policy", () => {
    for (const policy of fc.sample(policyArbitrary, { seed: SEED, numRuns: 100 })) {
      const again = between(policy, policy) as FirewallPolicy;
      const middle = between(again, policy) as FirewallPolicy;
      expect(middle).toEqual(again);
    }
  });

  test("is the other one when there is nothing before or after", () => {
    const policy = blockedPolicy();
    expect(between(null, policy)).toBe(policy);
    expect(between(policy, null)).toBe(policy);
    expect(between(null, null)).toBeNull();
  });

  test("opens the new endpoint while the old policy is still loaded", () => {
    const [before, after] = [policyTo("192.0.2.1"), policyTo("192.0.2.9")];
    const middle = between(before, after) as FirewallPolicy;
    const handshake = (to: string): Packet => ({
      hook: "output",
      outDevice: "eth0",
      source: parseIp("198.51.100.2") as never,
      destination: parseIp(to) as never,
      protocol: 17,
      sourcePort: 40_000,
      destinationPort: 51_820,
      uid: 977,
      mark: ENGINE_MARK,
    });
    for (const to of ["192.0.2.1", "192.0.2.9"]) expect(judge(middle, handshake(to)).verdict).toBe("accept");
    expect(judge(middle, { ...handshake("192.0.2.9"), uid: 1000 }).verdict).toBe("drop");
    expect(judge(middle, handshake("192.0.2.10")).verdict).toBe("drop");
  });
});

function policyTo(endpoint: string): FirewallPolicy {
  const blocked = blockedPolicy();
  const endpoints = [{ address: endpoint, port: 51_820, protocol: 17 as const }];
  return { ...blocked, layers: blocked.layers.map((layer) => ({ ...layer, endpoints, serviceUid: 977 })) };
}

describe("the blocked policy", () => {
  test("S1.4: lets nothing pass but loopback, DHCP and NDP", () => {
    const allowed = new Set<string>();
    for (const packet of packets) {
      const { verdict, reason } = judge(blockedPolicy(), packet);
      if (verdict === "accept") allowed.add(`${packet.hook} ${reason.split(" ", 1).join("")}`);
    }
    for (const one of allowed) expect(one).toMatch(/^(output|input) S2\.[1456]$|^input S6\.[25]$/);
    expect(allowed.size).toBeGreaterThan(5);
  });
});
