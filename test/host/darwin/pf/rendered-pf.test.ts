import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { readAddress } from "../../../../src/model/firewall/address-set.ts";
import { type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import type { IpAddress } from "../../../../src/model/ip.ts";
import { pfPolicyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { LAPTOP, policyOf } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { Agreement, asSeen, compareVerdicts, pfPacketArbitrary, usersOf, verdictOf } from "./differential.ts";
import { parsePf } from "./parse-pf.ts";
import type { PfRuleset } from "./pf-ruleset.ts";

const POLICIES = 220;
const PACKETS_EACH = 500;
const policies = fc.sample(pfPolicyArbitrary, { seed: SEED, numRuns: POLICIES });
const packets = fc.sample(pfPacketArbitrary, { seed: SEED, numRuns: 30_000 });

/** Engines of another user among ours: rules that speak of users meet them. */
function withAdopted(policy: FirewallPolicy): FirewallPolicy {
  return { ...policy, layers: policy.layers.map((layer) => ({ ...layer, adoptedUids: [1500] })) };
}

/** Without the line, and the rest where it stood. */
function withoutLine(text: string, at: number): string {
  return text
    .split("\n")
    .filter((_, index) => index !== at)
    .join("\n");
}

/** One packet for each rule of the laptop's policy that random ones seldom meet: hook, device, from, to, protocol, type. */
type SeldomPacket = readonly [Packet["hook"], string, string, string, number, number?];

const SELDOM: readonly SeldomPacket[] = [
  ["input", "eth0", "10.0.0.1:67", "10.0.0.9:68", 17],
  ["input", "eth0", "fe80::1:547", "fe80::9:546", 17],
  ["output", "eth0", "fe80::9", "ff02::2", 58, 133],
  ["output", "eth0", "fe80::9", "ff02::1", 58, 136],
  ["input", "eth0", "fe80::1", "fe80::9", 58, 134],
  ["input", "awg-proxy", "198.51.100.1:80", "10.9.0.2:40000", 6],
  ["output", "awg-office", "10.8.0.2:40000", "10.8.0.1:53", 17],
  ["output", "awg-office", "fd00:8::2:40000", "fd00:8::1:53", 17],
  ["output", "eth0", "192.0.2.9:40000", "10.8.0.1:53", 17],
  ["input", "eth0", "10.8.0.1:53", "192.0.2.9:40000", 17],
  ["output", "eth0", "192.0.2.9:40000", "198.51.100.7:80", 6],
  ["output", "awg-office", "10.8.0.2:40000", "198.51.100.7:80", 6],
  ["output", "eth0", "192.0.2.9:123", "192.0.2.123:123", 17],
  ["output", "awg-proxy", "10.9.0.2:123", "192.0.2.123:123", 17],
  ["input", "eth0", "192.0.2.123:123", "192.0.2.9:123", 17],
  ["input", "eth0", "2001:db8::1:443", "2001:db8:2::5:40000", 6],
  ["output", "awg-office", "10.8.0.2:40000", "192.0.2.251:9", 17],
  ["output", "awg-office", "fd00:8::2:40000", "2001:db8::251:9", 17],
];

function packetOf([hook, device, from, to, protocol, icmpType]: SeldomPacket): Packet {
  const [source, sourcePort] = sideOf(from, protocol);
  const [destination, destinationPort] = sideOf(to, protocol);
  return {
    hook,
    ...(hook === "output" ? { outDevice: device } : { inDevice: device }),
    source,
    destination,
    protocol,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmpType === undefined ? {} : { icmpType, hopLimit: 255 }),
  };
}

function sideOf(text: string, protocol: number): [IpAddress, number | undefined] {
  const port = protocol === PROTOCOL.icmpv6 ? undefined : text.slice(text.lastIndexOf(":") + 1);
  const address = port === undefined ? text : text.slice(0, text.lastIndexOf(":"));
  return [readAddress(address), port === undefined ? undefined : Number(port)];
}

/** The laptop away from home: its network's own traffic is let through by the rules for links alone. */
const ROAD_WARRIOR = policyOf({ ...LAPTOP.layers[0], allowLan: false });

/**
 * Rules that say once more what another says: each anchor closes by itself, what enters is refused again at the end, and
 * a state, whose packets a rule for entering would let in too, brings the routers' ICMP errors home.
 */
const SAID_TWICE =
  /block drop in|S4\.10 owner|flags S\/SA keep|block .*S4\.2 DNS|S5\.1 the tunnel carries|S4\.7 default|S5\.4 no rule/;

describe("the rendered PF rules", { timeout: 300_000 }, () => {
  test(`judge ${POLICIES * PACKETS_EACH} packets as the policy does (D9)`, () => {
    const counts = new Agreement();
    for (const [index, policy] of policies.entries()) {
      const from = index * PACKETS_EACH;
      const own = Array.from({ length: PACKETS_EACH }, (_, at) => packets[(from + at) % packets.length] as Packet);
      compareVerdicts(index % 4 === 0 ? withAdopted(policy) : policy, own, counts);
    }
    console.log(`over ${POLICIES} policies ${counts}`);
    expect(counts.equal).toBeGreaterThan(100_000);
    expect(counts.divergent).toBeLessThan(5000);
  });

  test("are all needed: without any one of a laptop's rules some packet is judged otherwise", () => {
    const text = renderPf(ROAD_WARRIOR).text;
    const lines = text.split("\n").map((line) => line.trim());
    const rules = lines.flatMap((line, at) => (/^(?:pass|block)/.test(line) && !SAID_TWICE.test(line) ? [at] : []));
    const samples = [...SELDOM.map(packetOf), ...packets.slice(0, 2500)].map((packet) => asSeen(ROAD_WARRIOR, packet));
    const users = usersOf(ROAD_WARRIOR);
    const verdicts = (ruleset: PfRuleset) =>
      samples.flatMap((packet) => [true, false].map((opens) => verdictOf(ruleset, packet, users, opens))).join();
    const whole = verdicts(parsePf(text));
    const idle = rules.filter((at) => verdicts(parsePf(withoutLine(text, at))) === whole);
    expect(rules.length).toBeGreaterThan(25);
    expect(idle.map((at) => lines[at])).toEqual([]);
  });
});
