import { PF_ANCHOR, policyIdentity, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { isRedirect, LOOPBACK_DEVICE, type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import { engineUids, type FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { SEED } from "../../../support/seeded.ts";
import { judgePf, type PfPacket } from "./judge-pf.ts";
import { parsePf } from "./parse-pf.ts";
import type { PfRuleset } from "./pf-ruleset.ts";

const UNREAD_PORTS: readonly number[] = [PROTOCOL.dccp, PROTOCOL.sctp, PROTOCOL.udplite];
const NDP_TYPES = [133, 134, 135, 136];

/** How many packets were judged alike, and how many PF refused that the policy grants (S13). */
export interface Agreement {
  equal: number;
  stricter: number;
}

/**
 * Judges packets by the policy and by the text of its PF rules. Throws at the first that they judge differently, but for
 * what PF may refuse because it cannot tell.
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
    if (found === verdict) counts.equal += 1;
    else if (found === "drop" && isStrict(packet)) counts.stricter += 1;
    else throw new Error(show(`${found} instead of ${verdict} by ${reason}`, packet, policy, text));
  }
}

/**
 * What PF does not see at all: frames of neighbour discovery that leave, what passes through, redirects that a state brings in
 * (S13.16); ICMP in the other family's packets is nobody's.
 */
export function isUnseen(packet: Packet): boolean {
  const isNeighbour = packet.protocol === PROTOCOL.icmpv6 && [135, 136].includes(packet.icmpType ?? 0);
  const isForeignIcmp = packet.protocol === (packet.source.family === 4 ? PROTOCOL.icmpv6 : PROTOCOL.icmp);
  const isBroughtIn = packet.protocol === PROTOCOL.icmp && isRedirect(packet) && packet.reply === true;
  return packet.hook === "forward" || isBroughtIn || isForeignIcmp || (packet.hook === "output" && isNeighbour);
}

/** The packet with what PF cannot see of it set to what PF assumes (S13). */
export function asSeen(policy: FirewallPolicy, { uid, mark: _mark, ...packet }: Packet): Packet {
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

/** Where PF may refuse what the policy grants, never the other way: it cannot tell, so it is read strictly (S13). */
function isStrict(packet: Packet): boolean {
  return (
    packet.laterFragment === true ||
    packet.reply === true ||
    packet.related === true ||
    UNREAD_PORTS.includes(packet.protocol)
  );
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
