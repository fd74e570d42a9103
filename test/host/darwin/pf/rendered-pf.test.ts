import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PF_ANCHOR, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { readAddress } from "../../../../src/model/firewall/address-set.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { LOOPBACK_DEVICE, type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import type { IpAddress } from "../../../../src/model/ip.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { packetArbitrary, policyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { LAPTOP, policyOf } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { judgePf, type PfPacket } from "./judge-pf.ts";
import { parsePf } from "./parse-pf.ts";
import type { PfRuleset } from "./pf-ruleset.ts";

const POLICIES = 220;
const PACKETS_EACH = 500;
const UNREAD_PORTS: readonly number[] = [PROTOCOL.dccp, PROTOCOL.sctp, PROTOCOL.udplite];
const NDP_TYPES = [133, 134, 135, 136];

const policies = fc.sample(policyArbitrary, { seed: SEED, numRuns: POLICIES });
const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 30_000 }).filter((packet) => !isUnseen(packet));

/** What PF does not see at all: frames of neighbour discovery that leave, what passes through; ICMP in the other family's packets is nobody's. */
function isUnseen(packet: Packet): boolean {
  const isNeighbour = packet.protocol === PROTOCOL.icmpv6 && [135, 136].includes(packet.icmpType ?? 0);
  const isForeignIcmp = packet.protocol === (packet.source.family === 4 ? PROTOCOL.icmpv6 : PROTOCOL.icmp);
  return packet.hook === "forward" || isForeignIcmp || (packet.hook === "output" && isNeighbour);
}

/** The packet with what PF cannot see of it set to what PF assumes (S13). */
function asSeen(policy: FirewallPolicy, { uid, mark: _mark, ...packet }: Packet): Packet {
  const { protocol, icmpType, laterFragment } = packet;
  const owner = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp ? uid : undefined;
  const isOurs = owner !== undefined && policy.layers.some(({ serviceUid }) => serviceUid === owner);
  const isNdp = protocol === PROTOCOL.icmpv6 && NDP_TYPES.includes(icmpType ?? 0) && laterFragment !== true;
  return {
    ...packet,
    ...(owner === undefined ? {} : { uid: owner }),
    ...(isOurs ? { mark: ENGINE_MARK } : {}),
    ...(isNdp ? { hopLimit: 255 } : {}),
  };
}

/** Where PF may refuse what the policy grants, never the other way: it cannot tell, so it is read strictly (S13). */
function isStrict(packet: Packet): boolean {
  return packet.laterFragment === true || packet.reply === true || UNREAD_PORTS.includes(packet.protocol);
}

function toPf(packet: Packet, isOpening: boolean): PfPacket {
  const device = (packet.hook === "output" ? packet.outDevice : packet.inDevice) ?? "";
  return {
    direction: packet.hook === "output" ? "out" : "in",
    device: device === LOOPBACK_DEVICE ? "lo0" : device,
    source: packet.source,
    destination: packet.destination,
    protocol: packet.protocol,
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    icmpType: packet.icmpType,
    isLaterFragment: packet.laterFragment === true,
    isOpening,
    uid: packet.uid,
  };
}

/** The packet that opened the flow of an answer, at the same interface. */
function openerOf(packet: PfPacket, uid: number | undefined): PfPacket {
  return {
    ...packet,
    direction: packet.direction === "in" ? "out" : "in",
    source: packet.destination,
    destination: packet.source,
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
    isLaterFragment: false,
    isOpening: true,
    uid,
  };
}

function verdictOf(ruleset: PfRuleset, packet: Packet, uids: readonly number[], isOpening: boolean): "accept" | "drop" {
  const seen = toPf(packet, isOpening);
  const openers = packet.reply === true ? [undefined, ...uids].map((uid) => openerOf(seen, uid)) : [];
  const hasState = openers.some((opener) => judgePf(ruleset, PF_ANCHOR, opener).keepsState);
  return hasState || judgePf(ruleset, PF_ANCHOR, seen).verdict === "pass" ? "accept" : "drop";
}

/** Owners that the rules of a policy tell apart. */
function usersOf(policy: FirewallPolicy): number[] {
  const rules = policy.layers.flatMap(({ flows }) => flows.rules);
  return [...new Set(rules.flatMap(({ match }) => match.uids?.map(({ from }) => from) ?? []))];
}

function show(what: string, packet: Packet, policy: FirewallPolicy, text: string): string {
  const shown = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}: ${what}\n${shown}\n${JSON.stringify(policy)}\n${text}`;
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
  /block drop in|flags S\/SA keep|block .*S4\.2 DNS|S5\.1 the tunnel carries|S4\.7 default|S5\.4 nothing/;

describe("the rendered PF rules", { timeout: 300_000 }, () => {
  test(`judge ${POLICIES * PACKETS_EACH} packets as the policy does (D9)`, () => {
    const counts = { equal: 0, stricter: 0 };
    for (const [index, policy] of policies.entries()) {
      const text = renderPf(policy).text;
      const ruleset = parsePf(text);
      const users = usersOf(policy);
      for (let at = 0; at < PACKETS_EACH; at += 1) {
        const packet = packets[(index * PACKETS_EACH + at) % packets.length] as Packet;
        const seen = asSeen(policy, packet);
        const { verdict, reason } = judge(policy, seen);
        const found = verdictOf(ruleset, seen, users, packet.reply !== true && at % 2 === 0);
        if (found === verdict) counts.equal += 1;
        else if (found === "drop" && isStrict(packet)) counts.stricter += 1;
        else throw new Error(show(`${found} instead of ${verdict} by ${reason}`, packet, policy, text));
      }
    }
    expect(counts.equal).toBeGreaterThan(100_000);
    expect(counts.stricter).toBeLessThan(5000);
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
