import { type Match, updateSet } from "../../../../../native/linux/nftables/match.ts";
import { ON_LINK_SETS } from "../chain-names.ts";
import { addressesOf, OUTWARD, onTunnel, prefixesOf, type RenderPlace } from "./conditions.ts";

const FIELDS = {
  4: { destination: "ip.daddr", nextHop: "rt.nexthop4" },
  6: { destination: "ip6.daddr", nextHop: "rt.nexthop6" },
} as const;

/** An element serves the packet that added it. */
const LIFETIME_MS = 1_000;
const MOST_ELEMENTS = 65_536;

/**
 * The packet's destination is in one of the prefixes and is its own next hop, outside the tunnels: no router leads to it.
 *
 * nf_tables cannot compare two fields of a packet. So the rule adds (destination, destination) to a set and looks up
 * (destination, next hop): only equal ones are found. If the set is full, the rule ends and the packet is not local.
 */
export function onLink(place: RenderPlace, prefixes: readonly string[]): Match[][] {
  const { sets, match } = place;
  return ([4, 6] as const).flatMap((family) => {
    const { destination, nextHop } = FIELDS[family];
    const set = ON_LINK_SETS[family];
    sets.expiring(set, [destination, destination], LIFETIME_MS, MOST_ELEMENTS);
    const outside = onTunnel(place, "oifname", true);
    const straight = [updateSet([destination, destination], set), match.inSet([destination, nextHop], set)];
    return addressesOf(place, "private", OUTWARD, prefixesOf(family, prefixes)).map((address) => [
      ...address,
      outside,
      ...straight,
    ]);
  });
}
