import { NFT_TABLE } from "../../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { encodeChainDeletion, type NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import {
  awaitCommit,
  type NftChange,
  readNftGeneration,
  readNftSets,
} from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRuleRemoval } from "../../../../native/linux/nftables/rule.codec.ts";
import {
  encodeSetDeletion,
  keyBytes,
  keyType,
  type NftSet,
  type ObservedSet,
} from "../../../../native/linux/nftables/set.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { identityOf, ownChains, ownTables } from "../observe/own-tables.ts";
import type { RenderedTable } from "../render/rendered-table.ts";
import type { LoadedMark } from "./policy-record.ts";
import type { LastingTable } from "./ruleset-changes.ts";

/** Sets that outlive a load, as of a generation of the ruleset. */
export interface LastingFlows {
  readonly tables: readonly LastingTable[];
  readonly generation: number;
}

/** awg's loaded tables, without rules and elements. */
interface Outline {
  readonly generation: number;
  readonly tables: readonly NftTable[];
  readonly chains: readonly NftChain[];
  readonly sets: readonly ObservedSet[];
}

/**
 * The loaded sets of flows that these tables have too (rule S4.10). A set is named after its users, so the same name means the
 * same under both policies. undefined if there is none, or if another program could have added a flow since the load.
 */
export function lastingFlows(
  socket: NetlinkSocket,
  loaded: LoadedMark,
  rendered: readonly RenderedTable[],
): LastingFlows | undefined {
  const outline = readOutline(socket);
  if (!isAsLeft(outline, loaded)) return undefined;
  const tables = rendered.flatMap((table) => lastingTable(outline, table) ?? []);
  return tables.length === 0 ? undefined : { tables, generation: outline.generation };
}

/** Reads the tables after every change that began before the generation was read; a later change raises the generation. */
function readOutline(socket: NetlinkSocket): Outline {
  const { id: generation } = readNftGeneration(socket);
  awaitCommit(socket);
  const tables = ownTables(socket);
  return {
    generation,
    tables,
    chains: ownChains(socket, tables),
    sets: tables.flatMap(({ family, name }) => readNftSets(socket, family, name)),
  };
}

/**
 * Whether only one socket could change these tables since they were loaded. The successor of a dead owner takes them over in one
 * transaction; if that is the only one since, no other program changed them in between.
 */
function isAsLeft({ generation, tables, chains }: Outline, loaded: LoadedMark): boolean {
  if (tables.some(({ dormant }) => dormant) || identityOf(chains) !== loaded.identity) return false;
  const [owner, ...others] = new Set(tables.map(({ owned, ownerPort }) => (owned ? ownerPort : undefined)));
  if (owner === undefined || others.length > 0) return false;
  return owner === loaded.owner || generation === loaded.generation + 1;
}

function lastingTable(outline: Outline, { table: { family }, sets }: RenderedTable): LastingTable | undefined {
  const chains = outline.chains.filter((chain) => chain.family === family).map(({ name }) => name);
  const standing = outline.sets.filter((set) => set.family === family);
  const wanted = new Map(sets.map(({ set }) => [set.name, set]));
  const lasting = standing.filter((set) => isSame(set, wanted.get(set.name))).map(({ name }) => name);
  const going = standing.map(({ name }) => name).filter((name) => !lasting.includes(name));
  return lasting.length === 0 ? undefined : { family, lasting, emptying: changesToEmpty(family, chains, going) };
}

/** Deletes in the order of references: rules, then sets, then chains. */
function changesToEmpty(family: TableFamily, chains: readonly string[], sets: readonly string[]): NftChange[] {
  const inTable = { family, table: NFT_TABLE };
  const action = `emptying the nf_tables table ${family} ${NFT_TABLE}`;
  return [
    ...chains.map((chain) => encodeRuleRemoval({ ...inTable, chain })),
    ...sets.map((name) => encodeSetDeletion({ ...inTable, name })),
    ...chains.map((name) => encodeChainDeletion({ ...inTable, name })),
  ].map((message) => ({ message, action }));
}

function isSame(standing: ObservedSet, wanted: NftSet | undefined): boolean {
  return (
    wanted !== undefined &&
    wanted.mostElements !== undefined &&
    standing.isFilledByRules &&
    !standing.intervals &&
    !standing.verdicts &&
    standing.keyType === keyType(wanted.fields) &&
    standing.keyBytes === keyBytes(wanted.fields) &&
    standing.timeoutMs === wanted.timeoutMs &&
    standing.mostElements === wanted.mostElements
  );
}
