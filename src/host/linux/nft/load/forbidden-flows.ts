import { judge, steer } from "../../../../model/firewall/evaluate.ts";
import { LAST_UID, type Packet } from "../../../../model/firewall/packet.ts";
import { engineUids, type FirewallPolicy, nameSetsOf } from "../../../../model/firewall/policy.ts";
import { type IpAddress, parseIp, renderIp } from "../../../../model/ip.ts";
import { ENGINE_MARK, markOfClass } from "../../../../model/ownership.ts";
import { parsePrefix, prefixRange } from "../../../../model/prefix.ts";
import type { Flow } from "../../../../native/linux/conntrack/flow.codec.ts";

/** A name for any physical device; the policy treats them alike. */
const PHYSICAL = "any physical device";
/** 255.255.255.255 */
const ALL_HOSTS = 0xffff_ffffn;

/** IPS_SEEN_REPLY, linux/netfilter/nf_conntrack_common.h. */
const SEEN_REPLY = 2;

/** Addresses of this host, without length. */
export interface LocalAddresses {
  readonly own: ReadonlySet<string>;
  /** Broadcast addresses of its networks; packets to them from outside also enter. */
  readonly broadcasts: ReadonlySet<string>;
}

/** The local addresses of a host with these addresses, which carry their length. Pure. */
export function localAddresses(addresses: readonly string[]): LocalAddresses {
  const prefixes = addresses.flatMap((text) => parsePrefix(text) ?? []);
  const own = prefixes.map(({ family, address }) => renderIp({ family, value: address }));
  // net/ipv4/fib_frontend.c, fib_add_ifaddr: networks of two addresses or one have none.
  const networks = prefixes.filter(({ family, length }) => family === 4 && length < 31);
  const broadcasts = networks.map((prefix) => renderIp({ family: 4, value: prefixRange(prefix).last }));
  return { own: new Set(own), broadcasts: new Set(broadcasts) };
}

/**
 * The tracked flows that the policy lets pass on no device and for no user or class (rule S11.1). Conntrack knows neither, so a flow
 * stays if one may send it. A flow of this host can continue in a tunnel only with that tunnel's address. The
 * tunnels' addresses count as this host's before they exist, because the first policy is loaded before any device. Pure.
 *
 * @param local addresses of this host
 */
export function forbiddenFlows(policy: FirewallPolicy, flows: readonly Flow[], local: LocalAddresses): Flow[] {
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  return forbiddenBy(policy, flows, local, (device, { original, reply }) =>
    tunnels.some(
      (one) => one.device === device && [original.source, reply.destination].some((at) => one.addresses.includes(at)),
    ),
  );
}

/**
 * The forbidden flows that a tunnel would carry if their source were its address. A program with a socket older than the tunnel
 * keeps sending from the link's address, and conntrack learns its flow again after each deletion. Pure.
 */
export function misaddressedFlows(policy: FirewallPolicy, forbidden: readonly Flow[], local: LocalAddresses): Flow[] {
  const nowhere = new Set(forbiddenBy(policy, forbidden, local, () => true));
  return forbidden.filter((flow) => !nowhere.has(flow));
}

/**
 * Whether a flow is a neighbour's to a broadcast or multicast address. Nothing answers from such an address (RFC 1122 section
 * 3.2.1.3), so the flow lets nothing in (rule S6.2). By a bridge, conntrack confirms such a flow before the packet filter
 * judges it (br_nf_local_in). Pure.
 */
export function isUnanswerable({ original }: Flow, local: LocalAddresses): boolean {
  const destination = parseIp(original.destination);
  if (destination === undefined || local.own.has(original.source)) return false;
  return local.broadcasts.has(original.destination) || !isUnicast(destination);
}

/** Whether packets of both directions were seen, so that answers enter (rule S6.2). Pure. */
export function isAnswered({ status }: Flow): boolean {
  return (status & SEEN_REPLY) !== 0;
}

function forbiddenBy(
  policy: FirewallPolicy,
  flows: readonly Flow[],
  local: LocalAddresses,
  ownsSource: (device: string, flow: Flow) => boolean,
): Flow[] {
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const devices = [PHYSICAL, ...new Set(tunnels.map(({ device }) => device))];
  const senders = sendersOf(policy);
  const own = new Set([...local.own, ...tunnels.flatMap(({ addresses }) => addresses)]);
  const passes = (packet: Packet) => judge(policy, packet).verdict === "accept";
  return flows.filter((flow) => {
    const opening = openingPacket(flow);
    if (opening === undefined) return false;
    const fromHere = own.has(flow.original.source);
    const toHere = own.has(flow.original.destination);
    if ((fromHere && toHere) || isLoopback(flow.original.source)) return false;
    if (fromHere && senders.some((sender) => isProxied(policy, { ...opening, ...sender, hook: "output" })))
      return false;
    if (fromHere) {
      return !devices.some(
        (outDevice) =>
          (outDevice === PHYSICAL || ownsSource(outDevice, flow)) &&
          senders.some((sender) => passes({ ...opening, ...sender, hook: "output", outDevice })),
      );
    }
    if (toHere || local.broadcasts.has(flow.original.destination) || !isUnicast(opening.destination)) {
      return !devices.some((inDevice) => passes({ ...opening, hook: "input", inDevice }));
    }
    return !devices.some((outDevice) => passes({ ...opening, hook: "forward", inDevice: PHYSICAL, outDevice }));
  });
}

/** Linux sends no packet with such a source by another device (net/ipv4/route.c, __mkroute_output; net/ipv6/ip6_output.c). */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** Its relay is on this host: only loopback carries it (S5.7). */
function isProxied(policy: FirewallPolicy, packet: Packet): boolean {
  const proxies = policy.layers.at(-1)?.proxies ?? [];
  if (proxies.length === 0) return false;
  const path = steer(policy, packet);
  return path.kind === "tunnel" && proxies.some(({ number }) => number === path.number);
}

function openingPacket({ original }: Flow): Omit<Packet, "hook"> | undefined {
  const [source, destination] = [parseIp(original.source), parseIp(original.destination)];
  if (source === undefined || destination === undefined) return undefined;
  const { protocol, sourcePort, destinationPort, icmp } = original;
  return {
    source,
    destination,
    protocol,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmp === undefined ? {} : { icmpType: icmp.type }),
  };
}

/** One sender for each class, and each set of users, that the policy distinguishes: none, the edges of its ranges, awg's own. */
function sendersOf(policy: FirewallPolicy): Pick<Packet, "uid" | "mark" | "sets">[] {
  const matches = policy.layers.flatMap((layer) => layer.flows.rules).map(({ match }) => match);
  const numbers = new Set(matches.flatMap(({ classes }) => Object.values(classes ?? {}).flat()));
  const programs = [...numbers].map((number) => ({ mark: markOfClass(number) }));
  const ranges = matches.flatMap(({ uids }) => uids ?? []);
  const edges = ranges.flatMap(({ from, to }) => [from - 1, from, to, to + 1]);
  const uids = [...new Set([...edges, LAST_UID])].filter((uid) => uid >= 0 && uid <= LAST_UID);
  const own = [...new Set(policy.layers.flatMap(engineUids))];
  const users = [
    {},
    ...programs,
    ...uids.map((uid) => ({ uid })),
    ...own.flatMap((uid) => [{ uid }, { uid, mark: ENGINE_MARK }]),
  ];
  // Whether a name led to the flow's address is not known here.
  return [undefined, ...nameSetsOf(policy)].flatMap((set) =>
    users.map((user) => ({ ...user, ...(set === undefined ? {} : { sets: [set] }) })),
  );
}

/** Linux routes 240/4 as any other address (net/ipv4/route.c treats only multicast and 255.255.255.255 apart). */
function isUnicast({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 28n !== 0xen && value !== ALL_HOSTS : value >> 120n !== 0xffn;
}
