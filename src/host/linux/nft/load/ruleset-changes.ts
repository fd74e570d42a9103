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

/** A table with sets that outlive the load of another policy (S4.10). */
export interface LastingTable {
  readonly family: TableFamily;
  /** The sets that stay, with their elements. */
  readonly lasting: readonly string[];
  /** The changes that delete everything else. */
  readonly emptying: readonly NftChange[];
}

const OWN_FAMILIES: readonly TableFamily[] = ["inet", "netdev"];

/** What a load does not delete. */
export interface Spared {
  /** Tables that are emptied instead of deleted, of the families of the new tables. */
  readonly lasting?: readonly LastingTable[];
  /** Tables of other programs with a name of awg's: "inet awg_boot". */
  readonly foreign?: readonly string[];
}

/**
 * The changes that replace awg's tables by these, in one transaction; no tables means removal. The boot unit's table is deleted
 * in the same transaction. Pure.
 *
 * @param ownedTables whether the kernel supports owned and persistent tables (6.9), and with them the deletion of an absent table
 */
export function changesToLoad(
  tables: readonly RenderedTable[],
  ownedTables: boolean,
  { lasting = [], foreign = [] }: Spared = {},
): NftChange[] {
  const stays = (wanted: TableFamily) => lasting.find(({ family }) => family === wanted);
  const going = OWN_FAMILIES.filter(
    (family) => stays(family) === undefined && !foreign.includes(`${family} ${NFT_TABLE}`),
  );
  return [
    ...going.flatMap((family) => deletionOf(family, NFT_TABLE, ownedTables)),
    ...(foreign.includes(`inet ${NFT_BOOT_TABLE}`) ? [] : deletionOf("inet", NFT_BOOT_TABLE, ownedTables)),
    ...tables.flatMap((table) => creationOf(table, stays(table.table.family))),
  ];
}

/** An older kernel refuses to delete an absent table, so the table is created first. */
function deletionOf(family: TableFamily, name: string, canDestroy: boolean): NftChange[] {
  const action = `removing the nf_tables table ${family} ${name}`;
  if (canDestroy) return [{ message: encodeTableDestruction(family, name), action }];
  return [encodeTable({ family, name }), encodeTableDeletion(family, name)].map((message) => ({ message, action }));
}

function creationOf({ table, chains, sets: all, rules }: RenderedTable, lasting?: LastingTable): NftChange[] {
  const where = `nf_tables ${table.family} ${table.name}`;
  const sets = all.filter(({ set }) => lasting?.lasting.includes(set.name) !== true);
  return [
    { message: encodeTable(table), action: `making the table ${where}` },
    ...(lasting?.emptying ?? []),
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
