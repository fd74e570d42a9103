import { NFT_BOOT_TABLE, NFT_TABLE } from "../../../model/ownership.ts";
import { encodeChain } from "../../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../../native/linux/nftables/field.ts";
import type { NftChange } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../native/linux/nftables/rule.codec.ts";
import { encodeSet } from "../../../native/linux/nftables/set.codec.ts";
import { encodeElements } from "../../../native/linux/nftables/set-element.codec.ts";
import { encodeTable, encodeTableDeletion } from "../../../native/linux/nftables/table.codec.ts";
import type { RenderedTable } from "./table-writer.ts";

const OWN_FAMILIES: readonly TableFamily[] = ["inet", "netdev"];

/**
 * The changes that replace whatever our tables hold by these tables, in one transaction; no tables means removal. The
 * boot unit's table goes in the same transaction. A table is deleted whether it is there or not by making it first,
 * which also takes over one whose owner died. Pure.
 */
export function changesToLoad(tables: readonly RenderedTable[], ownedTables: boolean): NftChange[] {
  return [
    ...OWN_FAMILIES.flatMap((family) => deletionOf(family, NFT_TABLE, ownedTables)),
    ...deletionOf("inet", NFT_BOOT_TABLE, false),
    ...tables.flatMap(creationOf),
  ];
}

function deletionOf(family: TableFamily, name: string, owned: boolean): NftChange[] {
  const where = `the nf_tables table ${family} ${name}`;
  return [
    { message: encodeTable({ family, name, owned, persistent: owned }), action: `taking over ${where}` },
    { message: encodeTableDeletion(family, name), action: `removing ${where}` },
  ];
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
