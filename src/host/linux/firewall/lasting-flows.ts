import { NFT_TABLE } from "../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import { type NftOutline, readNftOutline } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { keyBytes, keyType, type NftSet, type ObservedSet } from "../../../native/linux/nftables/set.codec.ts";
import { identityOf } from "./observe-tables.ts";
import type { LoadedMark } from "./policy-record.ts";
import type { LastingTable } from "./ruleset-changes.ts";
import type { RenderedTable } from "./table-writer.ts";

/** What outlives a load, as of a generation of the ruleset. */
export interface LastingFlows {
  readonly tables: readonly LastingTable[];
  readonly generation: number;
}

/**
 * The sets of flows that stand and that these tables have, too (docs/security.md S4.10): a set is named after its users, so
 * one that is known by its name means the same under both policies. Undefined where there is none, and where another may have
 * put a flow into them since they were loaded.
 */
export function lastingFlows(
  socket: NetlinkSocket,
  loaded: LoadedMark,
  rendered: readonly RenderedTable[],
): LastingFlows | undefined {
  const families = rendered.map(({ table }) => table.family);
  const outline = readNftOutline(socket, families, NFT_TABLE);
  if (!isAsLeft(outline, loaded)) return undefined;
  const tables = rendered.flatMap((table) => lastingTable(outline, table) ?? []);
  return tables.length === 0 ? undefined : { tables, generation: outline.generation };
}

/**
 * One socket alone could change these tables since they were loaded. Who starts in the place of a dead owner takes them over by
 * a transaction of its own; where that is the only one since, nobody used the time between.
 */
function isAsLeft({ generation, tables, chains }: NftOutline, loaded: LoadedMark): boolean {
  if (tables.some(({ dormant }) => dormant) || identityOf(chains) !== loaded.identity) return false;
  const [owner, ...others] = new Set(tables.map(({ owned, ownerPort }) => (owned ? ownerPort : undefined)));
  if (owner === undefined || others.length > 0) return false;
  return owner === loaded.owner || generation === loaded.generation + 1;
}

function lastingTable(outline: NftOutline, { table: { family }, sets }: RenderedTable): LastingTable | undefined {
  const chains = outline.chains.filter((chain) => chain.family === family).map(({ name }) => name);
  const standing = outline.sets.filter((set) => set.family === family);
  const wanted = new Map(sets.map(({ set }) => [set.name, set]));
  const lasting = standing.filter((set) => isSame(set, wanted.get(set.name))).map(({ name }) => name);
  const going = standing.map(({ name }) => name).filter((name) => !lasting.includes(name));
  return lasting.length === 0 ? undefined : { family, chains, sets: going, lasting };
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
