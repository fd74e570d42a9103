import { switchName } from "../../../../model/firewall/fallback.ts";
import type { PathSwitch } from "../../../../model/firewall/policy.ts";
import { FALLBACK_LIFETIME_MS, NFT_TABLE } from "../../../../model/ownership.ts";
import type { FieldName, TableFamily } from "../../../../native/linux/nftables/field.ts";
import type { Match } from "../../../../native/linux/nftables/match.ts";
import type { NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import {
  elementOf,
  encodeElements,
  encodeSetFlush,
  type SetElement,
} from "../../../../native/linux/nftables/set-element.codec.ts";
import { fallbackSetName } from "./chain-names.ts";
import type { RenderPlace } from "./chains/conditions.ts";

/** NFPROTO_IPV4 and NFPROTO_IPV6; frames have an Ethernet type instead. */
const PACKETS = [2, 10] as const;
const FRAMES = [0x0800, 0x86dd] as const;

/**
 * The condition that this switch is in force (rule S4.9). Each switch has a set of network protocols, filled while its
 * tunnel is down; its elements expire by themselves, so that no process is needed to end it.
 */
export function whileSwitched({ sets, match }: RenderPlace, one: PathSwitch, not = false): Match {
  const field = fieldIn(sets.family);
  sets.expiring(fallbackSetName(one), [field], FALLBACK_LIFETIME_MS);
  return match.inSet(field, fallbackSetName(one), { not });
}

/** What such a set holds while the switch is in force. */
export function fallbackElements(family: TableFamily): readonly SetElement[] {
  const values = family === "netdev" ? FRAMES : PACKETS;
  return values.map((value) => ({ from: elementOf([fieldIn(family)], [value]).from }));
}

/**
 * The changes that put the switches `inForce` in force again and all others out of it, to be committed in one transaction.
 * Pure.
 *
 * @param sets the sets of switches that exist
 */
export function changesToFallBack(
  sets: readonly { readonly family: TableFamily; readonly of: PathSwitch }[],
  inForce: readonly PathSwitch[],
): NftChange[] {
  return sets.flatMap(({ family, of }) => {
    const set = { family, table: NFT_TABLE, name: fallbackSetName(of), intervals: false, concatenated: false };
    const action = `setting the switch ${switchName(of)} in nf_tables ${family} ${NFT_TABLE}`;
    const isInForce = inForce.some((other) => switchName(other) === switchName(of));
    const messages = [encodeSetFlush(set), ...(isInForce ? encodeElements(set, fallbackElements(family)) : [])];
    return messages.map((message) => ({ message, action }));
  });
}

function fieldIn(family: TableFamily): FieldName {
  return family === "netdev" ? "protocol" : "nfproto";
}
