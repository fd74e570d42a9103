import { LOOPBACK_INDEX, PORTED_PROTOCOLS, PROTOCOL } from "../../../../../model/firewall/packet.ts";
import type { FirewallPolicy, FlowMatch, PortRange } from "../../../../../model/firewall/policy.ts";
import { NAME_LIFETIME_MS, NFT_TABLE } from "../../../../../model/ownership.ts";
import { type Match, type MatchBuilder, matchIn } from "../../../../../native/linux/nftables/match.ts";
import { nameSetOf } from "../chain-names.ts";
import { TableSets } from "../table-sets.ts";

/** Where a rule is rendered: its table's sets, the builders for that table's family, and every tunnel's device and addresses. */
export interface RenderPlace {
  readonly sets: TableSets;
  readonly match: MatchBuilder;
  readonly tunnelDevices: readonly string[];
  readonly ownAddresses: readonly string[];
  /** The conditions of rules that several chains repeat, by the rule's match and how packets are seen. */
  readonly repeated: Readonly<Record<"outward" | "inward" | "fragments", WeakMap<FlowMatch, readonly Match[][]>>>;
}

/** The place of the rules of one table. */
export function placeIn(family: "inet" | "netdev", { layers }: FirewallPolicy): RenderPlace {
  const tunnels = layers.flatMap((layer) => layer.tunnels);
  return {
    sets: new TableSets({ family, name: NFT_TABLE }),
    match: matchIn(family),
    tunnelDevices: [...new Set(tunnels.map(({ device }) => device))],
    ownAddresses: [...new Set(tunnels.flatMap(({ addresses }) => addresses))],
    repeated: { outward: new WeakMap(), inward: new WeakMap(), fragments: new WeakMap() },
  };
}

/** The packet's device is a tunnel's; one name is compared faster than it is found in a set. */
export function onTunnel({ sets, match, tunnelDevices }: RenderPlace, side: "iifname" | "oifname", not = false): Match {
  const [only, ...others] = tunnelDevices;
  if (only !== undefined && others.length === 0) return match.field(side, only, { not });
  return match.inSet(side, sets.values("tunnels", "oifname", tunnelDevices), { not });
}

/** The packet's device is loopback; an index is compared faster than a name. */
export function onLoopback({ match }: RenderPlace, side: "iif" | "oif", not = false): Match {
  return match.field(side, LOOPBACK_INDEX, { not });
}

/** Conditions on the other side of a packet. Fields are AND-ed; an absent field asks nothing. */
export interface PeerMatch {
  readonly prefixes?: readonly string[];
  /** Dynamic sets that may hold the address instead. */
  readonly sets?: readonly string[];
  readonly protocol?: number;
  readonly ports?: readonly PortRange[];
  readonly uids?: readonly PortRange[];
  /** The packet is a later fragment: that it could carry one of these ports is enough (S9.2). */
  readonly portsUnknown?: boolean;
}

/** The header fields of the other side: the destination of a packet that leaves, the source of one that enters. */
export interface PeerSides {
  readonly address: "saddr" | "daddr";
  readonly port: "sport" | "dport";
}

export const OUTWARD: PeerSides = { address: "daddr", port: "dport" };
export const INWARD: PeerSides = { address: "saddr", port: "sport" };

/**
 * The alternatives that together are the match, each a list of conditions: one per address family that the prefixes
 * name times one per range of users. Longer lists of prefixes and ports become sets named after `name`. An empty
 * answer means that nothing can match.
 */
export function alternativesOf(place: RenderPlace, name: string, sides: PeerSides, peer: PeerMatch): Match[][] {
  if (peer.ports?.length === 0) return [];
  const ports = peer.ports === undefined ? protocolOnly(place, peer.protocol) : portsOf(place, name, sides, peer);
  if (ports === undefined) return [];
  const { prefixes, sets } = peer;
  const listed = prefixes === undefined && sets !== undefined ? [] : addressesOf(place, name, sides, prefixes);
  const addresses = [...listed, ...inNameSets(place, sides, sets)];
  const users = peer.uids === undefined ? [[]] : peer.uids.map((range) => [usersOf(place, range)]);
  return addresses.flatMap((address) => users.map((user) => [...address, ...ports, ...user]));
}

/** The packet's address is none of these, for each family of which there is one; any address without them. */
export function addressesBut(
  { sets, match }: RenderPlace,
  name: string,
  { address }: Pick<PeerSides, "address">,
  prefixes: readonly string[],
): Match[][] {
  if (prefixes.length === 0) return [[]];
  return ([4, 6] as const).map((family) => {
    const network = family === 4 ? "ip" : "ip6";
    const mine = prefixesOf(family, prefixes);
    const [only] = mine;
    if (only === undefined) return [match.network(network)];
    if (mine.length === 1) return [match[address](only, { not: true })];
    return [match.inSet(`${network}.${address}`, sets.addresses(name, family, mine), { not: true })];
  });
}

/** One of these addresses or prefixes, one alternative per family. */
export function addressesOf(
  { sets, match }: RenderPlace,
  name: string,
  { address }: Pick<PeerSides, "address">,
  prefixes: readonly string[] | undefined,
): Match[][] {
  if (prefixes === undefined) return [[]];
  return ([4, 6] as const).flatMap((family) => {
    const mine = prefixesOf(family, prefixes);
    const [only] = mine;
    if (only === undefined) return [];
    if (mine.length === 1) return [[match[address](only)]];
    const field = `${family === 4 ? "ip" : "ip6"}.${address}` as const;
    return [[match.inSet(field, sets.addresses(name, family, mine))]];
  });
}

/** S4.14: one of these sets holds the address, one alternative per set and family. */
function inNameSets(
  { sets, match }: RenderPlace,
  { address }: Pick<PeerSides, "address">,
  names: readonly string[] = [],
): Match[][] {
  return names.flatMap((name) =>
    ([4, 6] as const).map((family) => {
      const [set, version] = [nameSetOf(name, family), family === 4 ? "ip" : "ip6"] as const;
      sets.expiring(set, [`${version}.daddr`], NAME_LIFETIME_MS);
      return [match.inSet(`${version}.${address}`, set)];
    }),
  );
}

function protocolOnly({ match }: RenderPlace, protocol: number | undefined): Match[] {
  return protocol === undefined ? [] : [match.field("l4proto", protocol)];
}

/** The set has each protocol with ports: other headers hold something else where these have a port. */
function portsOf(place: RenderPlace, name: string, sides: PeerSides, peer: PeerMatch): Match[] | undefined {
  const { sets, match } = place;
  const { protocol, ports = [] } = peer;
  if (protocol !== undefined && !PORTED_PROTOCOLS.includes(protocol)) return undefined;
  const carrier =
    protocol === undefined
      ? match.inSet("l4proto", sets.values("protocols-with-ports", "l4proto", PORTED_PROTOCOLS))
      : match.field("l4proto", protocol);
  const kind = protocol === PROTOCOL.tcp ? "tcp" : protocol === PROTOCOL.udp ? "udp" : "th";
  if (peer.portsUnknown) return [carrier];
  const [only] = ports;
  if (only !== undefined && ports.length === 1) return [carrier, match.ports(kind, sides.port, only.from, only.to)];
  return [carrier, match.inSet(`${kind}.${sides.port}`, sets.ports(`${name}-ports`, ports))];
}

/** One of the tunnels' addresses as the source or destination of a packet, one alternative per family. */
export function ownAddresses({ sets, match, ownAddresses: all }: RenderPlace, side: "saddr" | "daddr"): Match[] {
  return ([4, 6] as const).flatMap((family) => {
    const mine = prefixesOf(family, all);
    const [only] = mine;
    if (only === undefined) return [];
    if (mine.length === 1) return [match[side](only)];
    const set = sets.values(`own-addresses-v${family}`, family === 4 ? "ip.daddr" : "ip6.daddr", mine);
    return [match.inSet(`${family === 4 ? "ip" : "ip6"}.${side}`, set)];
  });
}

/** The packet's socket is of one of these users. */
export function usersOf({ match }: RenderPlace, { from, to }: PortRange): Match {
  return from === to ? match.skuid(from) : match.range("skuid", from, to);
}

type ByFamily = Readonly<Record<4 | 6, readonly string[]>>;
const knownFamilies = new WeakMap<readonly string[], ByFamily>();

/** The prefixes of one family; the same array for the same list, so that its set is made once. */
export function prefixesOf(family: 4 | 6, prefixes: readonly string[]): readonly string[] {
  const known = knownFamilies.get(prefixes);
  if (known !== undefined) return known[family];
  const six = prefixes.filter((prefix) => prefix.includes(":"));
  const four = six.length === 0 ? prefixes : prefixes.filter((prefix) => !prefix.includes(":"));
  const byFamily: ByFamily = { 4: four, 6: six };
  knownFamilies.set(prefixes, byFamily);
  return byFamily[family];
}
