import fc from "fast-check";
import { PF_ANCHOR, policyIdentity, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { readAddress } from "../../../../src/model/firewall/address-set.ts";
import { CANARIES } from "../../../../src/model/firewall/canary.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { isRedirect, LOOPBACK_DEVICE, type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import { engineUids, type FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { unclassedPacketArbitrary } from "../../../model/firewall/arbitraries.ts";
import { SEED } from "../../../support/seeded.ts";
import { DIVERGENCES, type Divergence, divergenceOf } from "./divergence.ts";
import { judgePf, type PfPacket } from "./judge-pf.ts";
import { parsePf } from "./parse-pf.ts";
import type { PfRuleset } from "./pf-ruleset.ts";

const NDP_TYPES = [133, 134, 135, 136];

/** How many packets were judged alike, and how many otherwise, by the rule of S13 that explains it. */
export class Agreement {
  equal = 0;
  readonly otherwise: Record<Divergence, number> = emptyCounts();

  get divergent(): number {
    return Object.values(this.otherwise).reduce((sum, count) => sum + count, 0);
  }

  /** For people. */
  toString(): string {
    const shares = DIVERGENCES.map((id) => `${id} ${this.otherwise[id]}`).join(", ");
    return `${this.equal} packets judged alike, ${this.divergent} otherwise (${shares})`;
  }
}

/**
 * Judges packets by the policy and by the text of its PF rules. Throws at the first that they judge differently without a
 * rule of S13 that explains just this packet.
 */
export function compareVerdicts(policy: FirewallPolicy, packets: Iterable<Packet>, counts: Agreement): void {
  const { text } = renderPf(policy, policyIdentity(policy));
  const ruleset = parsePf(text);
  const users = usersOf(policy);
  let opens = false;
  for (const packet of packets) {
    opens = !opens;
    const seen = asSeen(policy, packet);
    const { verdict, reason } = judge(policy, seen);
    const found = verdictOf(ruleset, seen, users, packet.reply !== true && opens);
    const divergence = found === verdict ? undefined : divergenceOf(policy, seen, found, users);
    if (found === verdict) counts.equal += 1;
    else if (divergence !== undefined) counts.otherwise[divergence] += 1;
    else throw new Error(show(`${found} instead of ${verdict} by ${reason}`, packet, policy, text));
  }
}

/**
 * What PF does not see at all: frames of neighbour discovery that leave (S13.6), what passes through (S13.2); ICMP in the
 * other family's packets is nobody's.
 */
function isUnseen(packet: Packet): boolean {
  const isNeighbour = packet.protocol === PROTOCOL.icmpv6 && [135, 136].includes(packet.icmpType ?? 0);
  const isForeignIcmp = packet.protocol === (packet.source.family === 4 ? PROTOCOL.icmpv6 : PROTOCOL.icmp);
  return packet.hook === "forward" || isForeignIcmp || (packet.hook === "output" && isNeighbour);
}

/** What random packets never meet by chance: the canaries, by every device, and the same by another protocol or port. */
const canaryArbitrary = fc
  .record({
    canary: fc.constantFrom(...CANARIES),
    outDevice: fc.constantFrom("eth0", "awg-office", "lo"),
    protocol: fc.constantFrom(PROTOCOL.udp, PROTOCOL.udp, PROTOCOL.tcp),
    destinationPort: fc.constantFrom(9, 9, 10),
    uid: fc.constantFrom(0, 977, 1000),
  })
  .map(({ canary: { family, address }, ...rest }): Packet => {
    const source = readAddress(family === 4 ? "192.168.1.1" : "2001:db8:2::5");
    return { hook: "output", source, destination: readAddress(address), sourcePort: 40_000, ...rest };
  });

/** Packets of both hooks that PF is asked about. */
export const pfPacketArbitrary: fc.Arbitrary<Packet> = fc.oneof(
  { weight: 60, arbitrary: unclassedPacketArbitrary.filter((packet) => !isUnseen(packet)) },
  { weight: 1, arbitrary: canaryArbitrary },
);

/** The packet with what PF cannot see of it set to what PF assumes (S13). */
export function asSeen(policy: FirewallPolicy, { uid, mark: _mark, icmpCode: _code, ...packet }: Packet): Packet {
  const { protocol, icmpType, laterFragment } = packet;
  const owner = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp ? uid : undefined;
  const isOurs = owner !== undefined && policy.layers.some((layer) => engineUids(layer).includes(owner));
  const isNdp = protocol === PROTOCOL.icmpv6 && NDP_TYPES.includes(icmpType ?? 0) && laterFragment !== true;
  return {
    ...packet,
    ...(owner === undefined ? {} : { uid: owner }),
    ...(isOurs ? { mark: ENGINE_MARK } : {}),
    ...(isNdp ? { hopLimit: 255 } : {}),
  };
}

function emptyCounts(): Record<Divergence, number> {
  return Object.fromEntries(DIVERGENCES.map((id) => [id, 0])) as Record<Divergence, number>;
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

export function verdictOf(
  ruleset: PfRuleset,
  packet: Packet,
  uids: readonly number[],
  isOpening: boolean,
): "accept" | "drop" {
  const seen = toPf(packet, isOpening);
  // xnu's pf_test_state_icmp takes no redirect of IPv6 for an error that speaks of a flow.
  const hasOpener = packet.reply === true && !(packet.protocol === PROTOCOL.icmpv6 && isRedirect(packet));
  const openers = hasOpener ? [undefined, ...uids].map((uid) => openerOf(seen, uid)) : [];
  const hasState = openers.some((opener) => judgePf(ruleset, PF_ANCHOR, opener).keepsState);
  return hasState || judgePf(ruleset, PF_ANCHOR, seen).verdict === "pass" ? "accept" : "drop";
}

/** Owners that the rules of a policy tell apart. */
export function usersOf(policy: FirewallPolicy): number[] {
  const rules = policy.layers.flatMap(({ flows }) => flows.rules);
  return [...new Set(rules.flatMap(({ match }) => match.uids?.map(({ from }) => from) ?? []))];
}

function show(what: string, packet: Packet, policy: FirewallPolicy, text: string): string {
  const shown = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}: ${what}\n${shown}\n${JSON.stringify(policy)}\n${text}`;
}
