import { AddressSet } from "../../../../src/model/firewall/address-set.ts";
import { CANARIES } from "../../../../src/model/firewall/canary.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { isRedirect, type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy, FlowMatch, PolicyLayer } from "../../../../src/model/firewall/policy.ts";
import { renderIp } from "../../../../src/model/ip.ts";

/** Rules of S13 by which PF may judge a packet of the differential test otherwise than the policy. */
export const DIVERGENCES = ["S13.3", "S13.4", "S13.5", "S13.7", "S13.14", "S13.15", "S13.16", "S13.17"] as const;
export type Divergence = (typeof DIVERGENCES)[number];

const UNREAD_PORTS: readonly number[] = [PROTOCOL.dccp, PROTOCOL.sctp, PROTOCOL.udplite];

/** The paragraph that has PF judge a packet otherwise than the policy, or undefined where none does. */
export function divergenceOf(
  policy: FirewallPolicy,
  packet: Packet,
  found: "accept" | "drop",
  users: readonly number[],
): Divergence | undefined {
  if (found === "accept") {
    if (isBroughtIn(packet)) return "S13.16";
    return isAnswerAsTunnel(policy, packet) ? "S13.17" : undefined;
  }
  if (isCanary(packet)) return "S13.15";
  if (isTakenForItsFlow(policy, packet)) {
    if (packet.related === true) return "S13.14";
    return canHaveState(policy, packet, users) ? undefined : "S13.7";
  }
  if (packet.laterFragment === true && policy.layers.some((layer) => mayBeAUsers(layer, packet))) return "S13.4";
  return policy.layers.some((layer) => asksForUnreadPorts(layer, packet)) ? "S13.5" : undefined;
}

/** A redirect of IPv4 that speaks of a flow with a state. */
function isBroughtIn(packet: Packet): boolean {
  return packet.hook === "input" && packet.protocol === PROTOCOL.icmp && isRedirect(packet) && packet.reply === true;
}

/** An answer, to a flow with a state, in the name of a tunnel of this machine. */
function isAnswerAsTunnel({ layers }: FirewallPolicy, { hook, reply, source }: Packet): boolean {
  const addresses = layers.flatMap(({ tunnels }) => tunnels).flatMap((tunnel) => tunnel.addresses);
  return hook === "input" && reply === true && new AddressSet(addresses).has(source);
}

function isCanary({ hook, destination, destinationPort, protocol }: Packet): boolean {
  const address = renderIp(destination);
  return (
    hook === "output" &&
    CANARIES.some((one) => one.address === address && one.protocol === protocol && one.port === destinationPort)
  );
}

/** Whether the policy takes it only for the flow that it answers or speaks of. */
function isTakenForItsFlow(policy: FirewallPolicy, packet: Packet): boolean {
  const { reply: _reply, related: _related, ...alone } = packet;
  return judge(policy, alone).verdict === "drop";
}

/**
 * Whether the packet that opened the flow is one that PF keeps a state for: whole, with ports that PF reads, granted
 * directly or as a stated exception. In a policy of several layers nothing that enters opens one (S13, after the table).
 */
function canHaveState(policy: FirewallPolicy, packet: Packet, users: readonly number[]): boolean {
  if (packet.laterFragment === true || UNREAD_PORTS.includes(packet.protocol)) return false;
  if (packet.hook === "output" && policy.layers.length > 1) return false;
  const { hook, inDevice, outDevice, source, destination, sourcePort, destinationPort, protocol, icmpType } = packet;
  const opener: Packet = {
    ...(hook === "output" ? { hook: "input", ...present("inDevice", outDevice) } : { hook: "output" }),
    ...(hook === "output" ? {} : present("outDevice", inDevice)),
    source: destination,
    destination: source,
    protocol,
    ...present("sourcePort", destinationPort),
    ...present("destinationPort", sourcePort),
    ...present("icmpType", icmpType),
  };
  const owners = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp ? users : [];
  return [undefined, ...owners].some((uid) => {
    const { verdict, reason } = judge(policy, uid === undefined ? opener : { ...opener, uid });
    return verdict === "accept" && /^(?:S5\.3|S3\.4 stated)/.test(reason);
  });
}

function present<Name extends keyof Packet>(name: Name, value: Packet[Name] | undefined): Partial<Packet> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Packet>);
}

/** Whether a rule by user could mean this later fragment, if PF knew whose it is. */
function mayBeAUsers({ flows }: PolicyLayer, packet: Packet): boolean {
  return flows.rules.some(
    ({ match }) => match.uids !== undefined && match.ports === undefined && speaksOf(match, packet),
  );
}

/** Whether a rule or an exception asks for ports, of a protocol whose ports PF does not read. */
function asksForUnreadPorts({ flows, allow }: PolicyLayer, packet: Packet): boolean {
  if (!UNREAD_PORTS.includes(packet.protocol)) return false;
  const matches: readonly FlowMatch[] = [
    ...flows.rules.map(({ match }) => match).filter(({ uids }) => uids === undefined),
    ...allow.map(({ prefixes, ...grant }) => (prefixes === undefined ? grant : { ...grant, destinations: prefixes })),
  ];
  return matches.some((match) => match.ports !== undefined && speaksOf(match, packet));
}

/** Whether protocol and addresses of a match fit a packet, seen from either end. */
function speaksOf({ protocol, destinations }: FlowMatch, packet: Packet): boolean {
  if (protocol !== undefined && protocol !== packet.protocol) return false;
  if (destinations === undefined) return true;
  const other = packet.hook === "output" ? packet.destination : packet.source;
  return new AddressSet(destinations).has(other);
}
