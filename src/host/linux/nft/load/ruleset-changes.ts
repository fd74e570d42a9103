import { NFT_BOOT_TABLE, NFT_TABLE } from "../../../../model/ownership.ts";
import { encodeChain } from "../../../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import type { NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../../native/linux/nftables/rule.codec.ts";
import { encodeSet } from "../../../../native/linux/nftables/set.codec.ts";
import { encodeElements } from "../../../../native/linux/nftables/set-element.codec.ts";
import {
  encodeTable,
  encodeTableDeletion,
  encodeTableDestruction,
} from "../../../../native/linux/nftables/table.codec.ts";
import type { RenderedTable } from "../render/rendered-table.ts";

const OWN_FAMILIES: readonly TableFamily[] = ["inet", "netdev", "arp"];

/**
 * The changes that replace awg's tables by these, in one transaction; no tables means removal. The boot unit's table is deleted
 * in the same transaction. Pure.
 *
 * @param ownedTables whether the kernel supports owned and persistent tables (6.9), and with them the deletion of an absent table
 * @param foreign tables of other programs with a name of awg's, which stay: "inet awg_boot"
 */
export function changesToLoad(
  tables: readonly RenderedTable[],
  ownedTables: boolean,
  foreign: readonly string[] = [],
): NftChange[] {
  const going = OWN_FAMILIES.filter((family) => !foreign.includes(`${family} ${NFT_TABLE}`));
  return [
    ...going.flatMap((family) => deletionOf(family, NFT_TABLE, ownedTables)),
    ...(foreign.includes(`inet ${NFT_BOOT_TABLE}`) ? [] : deletionOf("inet", NFT_BOOT_TABLE, ownedTables)),
    ...tables.flatMap(creationOf),
  ];
}

/** An older kernel refuses to delete an absent table, so the table is created first. */
function deletionOf(family: TableFamily, name: string, canDestroy: boolean): NftChange[] {
  const action = `removing the nf_tables table ${family} ${name}`;
  if (canDestroy) return [{ message: encodeTableDestruction(family, name), action }];
  return [encodeTable({ family, name }), encodeTableDeletion(family, name)].map((message) => ({ message, action }));
}

function creationOf({ table, chains, sets, rules }: RenderedTable): NftChange[] {
  const where = `nf_tables ${table.family} ${table.name}`;
  return [
    { message: encodeTable(table), action: `making the table ${where}` },
    ...chains.map((chain) => ({ message: encodeChain(chain), action: `making the chain ${where} ${chain.name}` })),
    ...sets.flatMap(({ set, elements }, index) => {
      const identity = { ...set, concatenated: set.fields.length > 1 };
      const fill = elements.length === 0 ? [] : encodeElements(identity, elements);
      return [
        { message: encodeSet(set, index + 1), action: `making the set ${where} ${set.name}` },
        ...fill.map((message) => ({ message, action: `filling the set ${where} ${set.name}` })),
      ];
    }),
    ...rules.map((rule) => ({
      message: encodeRule(rule),
      action: `adding the rule "${rule.comment ?? ""}" to ${where} ${rule.chain}`,
    })),
  ];
}
