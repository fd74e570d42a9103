import { openNetfilterSocket } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { type OwnTable, ownParts } from "../observe/own-tables.ts";
import { freeNumber, withNumber } from "../render/numbered-sets.ts";
import type { RenderedTable } from "../render/rendered-table.ts";
import type { NftOwner } from "./nft-owner.ts";
import {
  changesToPrepare,
  changesToReplace,
  changesToSwap,
  changesToUnprepare,
  type Found,
} from "./ruleset-changes.ts";

/** What is loaded, and what is known of the host. */
export interface NewTables extends Omit<Found, "present"> {
  readonly tables: readonly RenderedTable[];
  /** Tables that block, to be in force until the load. */
  blocked(): readonly RenderedTable[];
}

/**
 * Puts the tables in place of awg's former ones: first their sets of ranges, which no rule uses yet, then all else. A packet is
 * judged by the former rules or by these, each with all that is in its sets. If the second transaction fails, the first is
 * taken back.
 *
 * @throws AwgError with the change that the kernel refused
 */
export async function swapTables(owner: NftOwner, { tables, blocked, ...host }: NewTables): Promise<void> {
  if (!presentTables().every((one) => canStay(one, tables)))
    await owner.sendTransaction(changesToReplace(blocked(), host));
  const found: Found = { ...host, present: presentTables() };
  const number = freeNumber(found.present.flatMap(({ sets }) => sets));
  const numbered = tables.map((table) => withNumber(table, number));
  await owner.sendTransaction(changesToPrepare(numbered));
  try {
    await owner.sendTransaction(changesToSwap(numbered, found));
  } catch (error) {
    await owner.sendTransaction(changesToUnprepare(numbered, found)).catch(() => {
      // What is left is reported as damage, and goes with the next load.
    });
    throw error;
  }
}

/**
 * Whether a load can change the table in place. A dormant one judges nothing before it is made again, and one that is not
 * persistent, which another program made, can get no owner. They are replaced by a policy that blocks.
 */
function canStay({ table }: OwnTable, tables: readonly RenderedTable[]): boolean {
  const next = tables.find((one) => one.table.family === table.family)?.table;
  return next === undefined || (!table.dormant && table.persistent === (next.persistent ?? false));
}

function presentTables(): readonly OwnTable[] {
  using socket = openNetfilterSocket();
  return ownParts(socket);
}
