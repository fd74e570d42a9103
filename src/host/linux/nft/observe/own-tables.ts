import { IDENTITY_CHAIN, isNamedLikeOurs, NFT_BOOT_TABLE, ownTablesAmong } from "../../../../model/ownership.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { readNftChains, readNftSets, readNftTables } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { ObservedSet } from "../../../../native/linux/nftables/set.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { FRAMES } from "../render/chain-names.ts";
import type { SpreadPart } from "../render/chains/spread-devices.ts";

/** The chains of the boot unit's table with a hook (render/boot-table.ts). */
const BOOT_CHAINS = ["crossing", "entering", "leaving"];

/** awg's tables, whatever their content. */
export function ownTables(socket: NetlinkSocket): NftTable[] {
  return ownTablesAmong(readNftTables(socket), () => readNftChains(socket));
}

/** One of awg's tables with its chains and sets, without rules and elements. */
export interface OwnTable {
  readonly table: NftTable;
  readonly chains: readonly NftChain[];
  readonly sets: readonly ObservedSet[];
}

/** awg's tables with their chains and sets, without a table that another program deletes during the read. */
export function ownParts(socket: NetlinkSocket): OwnTable[] {
  const tables = ownTables(socket);
  const chains = ownChains(socket, tables);
  return tables.flatMap((table): OwnTable[] => {
    try {
      const sets = readNftSets(socket, table.family, table.name);
      return [{ table, chains: chains.filter(({ family }) => family === table.family), sets }];
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return [];
      throw error;
    }
  });
}

/** The chains of awg's tables. */
export function ownChains(socket: NetlinkSocket, tables = ownTables(socket)): NftChain[] {
  const families = new Set(tables.map(({ family }) => family));
  return readNftChains(socket).filter(
    (chain) => isNamedLikeOurs({ ...chain, name: chain.table }) && families.has(chain.family),
  );
}

/** Tables of other programs with the name of one of awg's: "inet awg". */
export function foreignTables(socket: NetlinkSocket): readonly string[] {
  const all = readNftTables(socket);
  const own = new Set(ownTablesAmong(all, () => readNftChains(socket)));
  return all
    .filter((table) => isNamedLikeOurs(table) && !own.has(table))
    .map(({ family, name }) => `${family} ${name}`);
}

/** Whether a table with the name of the boot unit's has chains that are not of its script. */
export function isBootTableForeign(socket: NetlinkSocket): boolean {
  const chains = readNftChains(socket).filter(({ family, table }) => family === "inet" && table === NFT_BOOT_TABLE);
  return chains.length > 0 && !BOOT_CHAINS.every((name) => chains.some((chain) => chain.name === name));
}

/** The name of these chains' policy, from their own comment; empty if there is none. */
export function identityOf(chains: readonly NftChain[]): string {
  const chain = chains.find(({ family, name }) => family === "inet" && name === IDENTITY_CHAIN);
  return chain?.comment ?? "";
}

/**
 * The existing copies of the egress chain, by number; [] if there is none. Some kernels delete
 * a chain with its last device, so a number may be missing.
 */
export function spreadOf(chains: readonly NftChain[]): readonly SpreadPart[] {
  const copy = new RegExp(`^${FRAMES}(?:-([0-9]+))?$`);
  return chains
    .filter(({ family }) => family === "netdev")
    .flatMap(({ name, base }) => {
      const found = copy.exec(name);
      return found === null ? [] : [{ number: Number(found[1] ?? 1), devices: base?.devices ?? [] }];
    })
    .toSorted((a, b) => a.number - b.number);
}
