import { NFT_BOOT_TABLE, NFT_TABLE } from "../../../../model/ownership.ts";
import {
  type ChainBase,
  encodeChain,
  encodeChainDeletion,
  type NftChain,
} from "../../../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import type { NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule, encodeRuleRemoval, encodeTableFlush } from "../../../../native/linux/nftables/rule.codec.ts";
import { encodeSet, encodeSetDeletion } from "../../../../native/linux/nftables/set.codec.ts";
import { encodeElements } from "../../../../native/linux/nftables/set-element.codec.ts";
import {
  encodeTable,
  encodeTableDeletion,
  encodeTableDestruction,
} from "../../../../native/linux/nftables/table.codec.ts";
import type { OwnTable } from "../observe/own-tables.ts";
import type { RenderedTable } from "../render/rendered-table.ts";
import type { RenderedSet } from "../render/table-sets.ts";

const OWN_FAMILIES: readonly TableFamily[] = ["inet", "netdev", "arp"];

/** What a load finds. */
export interface Found {
  readonly present: readonly OwnTable[];
  /** Whether the kernel supports owned and persistent tables (6.9), and with them the deletion of an absent table. */
  readonly ownedTables: boolean;
  /** Tables of other programs with a name of awg's, which stay: "inet awg_boot". */
  readonly foreign: readonly string[];
}

/** The changes that remove awg's tables and the boot unit's. Pure. */
export function changesToRemove({ ownedTables, foreign }: Omit<Found, "present">): NftChange[] {
  return removalsBut([], { ownedTables, foreign });
}

/** The changes that replace awg's tables by these in one transaction, whatever is in them. Pure. */
export function changesToReplace(tables: readonly RenderedTable[], found: Omit<Found, "present">): NftChange[] {
  return [
    ...changesToRemove(found),
    ...tables.flatMap((table) => [tableMade(table), ...contentsOf(table, [], table.sets)]),
  ];
}

/**
 * The first transaction of a load: the tables, and the sets of ranges with what is in them. No rule uses them yet. Linux shows
 * the rules of a transaction before the elements of its sets of ranges (6.18: net/netfilter/nf_tables_api.c,
 * nft_set_commit_update), so a packet of that moment would take the path of a later rule. Pure.
 */
export function changesToPrepare(tables: readonly RenderedTable[]): NftChange[] {
  return tables.flatMap((table) => [tableMade(table), ...table.sets.filter(hasRanges).flatMap(setMade)]);
}

/** The changes that take back `changesToPrepare`. Pure. */
export function changesToUnprepare(tables: readonly RenderedTable[], { present, ownedTables }: Found): NftChange[] {
  return tables.flatMap((rendered) => {
    const { family, name } = rendered.table;
    if (tableIn(present, rendered) === undefined) return removalOf(family, name, ownedTables);
    return rendered.sets.filter(hasRanges).map(({ set }) => setGone(set));
  });
}

/**
 * The second transaction: the rules and all that they use besides, in place of the former. A chain with a hook stays where it
 * is: one that is removed drops or accepts every packet until the kernel has unhooked it. Pure.
 */
export function changesToSwap(tables: readonly RenderedTable[], found: Found): NftChange[] {
  const families = tables.map(({ table }) => table.family);
  return [
    ...removalsBut(families, found),
    ...tables.flatMap((rendered) => {
      const own = tableIn(found.present, rendered);
      const kept = rendered.chains.filter((chain) => own?.chains.some((one) => isSame(one, chain)) === true);
      const others = rendered.sets.filter((one) => !hasRanges(one));
      return [...(own === undefined ? [] : emptied(own, kept)), ...contentsOf(rendered, own?.chains ?? [], others)];
    }),
  ];
}

function tableIn(present: readonly OwnTable[], { table }: RenderedTable): OwnTable | undefined {
  return present.find((one) => one.table.family === table.family);
}

function hasRanges({ set }: RenderedSet): boolean {
  return set.intervals;
}

function removalsBut(families: readonly TableFamily[], { ownedTables, foreign }: Omit<Found, "present">): NftChange[] {
  const going = [
    ...OWN_FAMILIES.filter((family) => !families.includes(family)).map((family) => ({ family, name: NFT_TABLE })),
    { family: "inet", name: NFT_BOOT_TABLE } as const,
  ];
  return going
    .filter(({ family, name }) => !foreign.includes(`${family} ${name}`))
    .flatMap(({ family, name }) => removalOf(family, name, ownedTables));
}

/** An older kernel refuses to delete an absent table, so the table is created first. */
function removalOf(family: TableFamily, name: string, canDestroy: boolean): NftChange[] {
  const action = `removing the nf_tables table ${family} ${name}`;
  if (canDestroy) return [{ message: encodeTableDestruction(family, name), action }];
  return [encodeTable({ family, name }), encodeTableDeletion(family, name)].map((message) => ({ message, action }));
}

/**
 * Hooks go first: until one has gone, its chain without rules judges by its policy. Sets go before chains: the elements of a
 * map may jump to one.
 */
function emptied({ table: { family, name }, chains, sets }: OwnTable, kept: readonly NftChain[]): NftChange[] {
  const where = `nf_tables ${family} ${name}`;
  const going = chains.filter((chain) => chain.isBound !== true && !kept.some((one) => one.name === chain.name));
  const gone = (chain: NftChain): NftChange => ({
    // With its devices, these alone would go.
    message: encodeChainDeletion({ family, table: name, name: chain.name }),
    action: `removing the chain ${where} ${chain.name}`,
  });
  const hooked = going.filter(({ base }) => base !== undefined);
  return [
    ...hooked.flatMap((chain) => [
      {
        message: encodeRuleRemoval({ family, table: name, chain: chain.name }),
        action: `emptying the chain ${where} ${chain.name}`,
      },
      gone(chain),
    ]),
    { message: encodeTableFlush({ family, table: name }), action: `removing the rules of ${where}` },
    ...sets.filter(({ isAnonymous }) => isAnonymous !== true).map(setGone),
    ...going.filter(({ base }) => base === undefined).map(gone),
  ];
}

/** What makes these parts of a table; chains that are there as they should be are left out. */
function contentsOf(
  { table, chains, rules }: RenderedTable,
  present: readonly NftChain[],
  sets: readonly RenderedSet[],
): NftChange[] {
  const where = `nf_tables ${table.family} ${table.name}`;
  const isThere = (chain: NftChain) =>
    present.some((one) => isSame(one, chain) && one.base?.policy === chain.base?.policy);
  return [
    ...chains
      .filter((chain) => !isThere(chain))
      .map((chain) => ({ message: encodeChain(chain), action: `making the chain ${where} ${chain.name}` })),
    ...sets.flatMap(setMade),
    ...rules.map((rule) => ({
      message: encodeRule(rule),
      action: `adding the rule "${rule.comment ?? ""}" to ${where} ${rule.chain}`,
    })),
  ];
}

/** Whether one chain can stay as the other: the kernel changes nothing of a chain but its policy. */
function isSame(one: NftChain, other: NftChain): boolean {
  return one.name === other.name && one.comment === other.comment && hookText(one.base) === hookText(other.base);
}

function hookText(base: ChainBase | undefined): string {
  if (base === undefined) return "";
  return [base.type, base.hook, base.priority, ...(base.devices ?? []).toSorted()].join(" ");
}

function tableMade({ table }: RenderedTable): NftChange {
  return { message: encodeTable(table), action: `making the table nf_tables ${table.family} ${table.name}` };
}

function setMade({ set, elements }: RenderedSet, index: number): NftChange[] {
  const where = `nf_tables ${set.family} ${set.table} ${set.name}`;
  const identity = { ...set, concatenated: set.fields.length > 1 };
  const fill = elements.length === 0 ? [] : encodeElements(identity, elements);
  return [
    { message: encodeSet(set, index + 1), action: `making the set ${where}` },
    ...fill.map((message) => ({ message, action: `filling the set ${where}` })),
  ];
}

function setGone(set: Parameters<typeof encodeSetDeletion>[0]): NftChange {
  const action = `removing the set nf_tables ${set.family} ${set.table} ${set.name}`;
  return { message: encodeSetDeletion(set), action };
}
