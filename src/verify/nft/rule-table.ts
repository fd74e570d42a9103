import type { RenderedTable } from "../../host/linux/nft/render/rendered-table.ts";
import { NFT_BOOT_TABLE, NFT_TABLE } from "../../model/ownership.ts";
import type { NftChain } from "../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../native/linux/nftables/field.ts";
import type { NftTableContents } from "../../native/linux/nftables/nft-netlink.ffi.ts";
import type { NftRule } from "../../native/linux/nftables/rule.codec.ts";
import type { SetElement } from "../../native/linux/nftables/set-element.codec.ts";

/** A table for evaluation, read from the kernel or rendered. */
export interface RuleTable {
  readonly family: TableFamily;
  readonly name: string;
  /** The kernel skips the table (flag dormant). */
  readonly dormant: boolean;
  readonly chains: ReadonlyMap<string, TableChain>;
  readonly sets: ReadonlyMap<string, TableSet>;
}

export interface TableChain {
  readonly base?: NonNullable<NftChain["base"]>;
  readonly rules: readonly NftRule[];
}

export interface TableSet {
  readonly elements: readonly SetElement[];
  /** Each element has a verdict. */
  readonly verdicts: boolean;
  /** Rules may add elements. */
  readonly isFilledByRules: boolean;
}

/** The table belongs to awg. */
export function isOurs({ family, name }: Pick<RuleTable, "family" | "name">): boolean {
  if (family === "arp") return name === NFT_TABLE;
  return (family === "inet" || family === "netdev") && (name === NFT_TABLE || name === NFT_BOOT_TABLE);
}

/** A table that was rendered but not loaded. */
export function tableOfRendered({ table, chains, rules, sets }: RenderedTable): RuleTable {
  return {
    family: table.family,
    name: table.name,
    dormant: false,
    chains: chainsOf(chains, rules),
    sets: new Map(
      sets.map(({ set, elements }) => [
        set.name,
        { elements, verdicts: set.verdicts === true, isFilledByRules: set.mostElements !== undefined },
      ]),
    ),
  };
}

/** A table as loaded in the kernel. */
export function tableOfRead({ table, chains, rules, sets }: NftTableContents): RuleTable {
  return {
    family: table.family,
    name: table.name,
    dormant: table.dormant,
    chains: chainsOf(chains, rules),
    sets: new Map(sets.map(({ name, ...set }) => [name, set])),
  };
}

/** Identifies a rule for users: table, chain, comment, handle. */
export function nameOfRule({ family, name }: RuleTable, { chain, comment, handle }: NftRule): string {
  const where = `${family} ${name} ${chain}`;
  const number = handle === undefined ? "" : ` # handle ${handle}`;
  return comment === undefined || comment === "" ? `${where}${number}` : `${where}: ${comment}${number}`;
}

function chainsOf(chains: readonly NftChain[], rules: readonly NftRule[]): Map<string, TableChain> {
  const byChain = Map.groupBy(rules, ({ chain }) => chain);
  return new Map(
    chains.map(({ name, base }) => [name, { ...(base === undefined ? {} : { base }), rules: byChain.get(name) ?? [] }]),
  );
}
