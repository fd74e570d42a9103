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
 * The condition that the fallback of this path is in force (rule S4.9). Each path has a set of network
 * protocols, filled while its tunnel is down; its elements vanish by themselves, so that nobody need live to end it.
 */
export function whileFallenBack({ sets, match }: RenderPlace, path: number, not = false): Match {
  const field = fieldIn(sets.family);
  sets.expiring(fallbackSetName(path), [field], FALLBACK_LIFETIME_MS);
  return match.inSet(field, fallbackSetName(path), { not });
}

/** What such a set holds while the fallback is in force. */
export function fallbackElements(family: TableFamily): readonly SetElement[] {
  const values = family === "netdev" ? FRAMES : PACKETS;
  return values.map((value) => ({ from: elementOf([fieldIn(family)], [value]).from }));
}

/**
 * The changes that put the fallback of `inForce` in force anew and of all other `paths` out of it, to be committed in one
 * transaction. Pure.
 *
 * @param families families of our tables that stand
 * @param paths every path whose fallback the loaded policy knows
 */
export function changesToFallBack(
  families: readonly TableFamily[],
  paths: readonly number[],
  inForce: readonly number[],
): NftChange[] {
  return families.flatMap((family) =>
    paths.flatMap((path) => {
      const set = { family, table: NFT_TABLE, name: fallbackSetName(path), intervals: false, concatenated: false };
      const action = `setting the fallback of path ${path} in nf_tables ${family} ${NFT_TABLE}`;
      const messages = [
        encodeSetFlush(set),
        ...(inForce.includes(path) ? encodeElements(set, fallbackElements(family)) : []),
      ];
      return messages.map((message) => ({ message, action }));
    }),
  );
}

function fieldIn(family: TableFamily): FieldName {
  return family === "netdev" ? "protocol" : "nfproto";
}
