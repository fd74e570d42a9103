import type { NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeSetFlush } from "../../../../native/linux/nftables/set-element.codec.ts";
import { JUDGED_SETS } from "../render/chain-names.ts";
import type { RenderedTable } from "../render/rendered-table.ts";

/**
 * The changes that forget what rules remembered while the kernel committed these tables (rule S5.6). It shows rules before the
 * elements of their interval sets (Linux 6.18: net/netfilter/nf_tables_api.c, nft_set_commit_update), so a packet of that moment
 * may be remembered with a path that is not its own. Pure.
 */
export function changesToForget(tables: readonly RenderedTable[]): NftChange[] {
  const names: readonly string[] = Object.values(JUDGED_SETS).flatMap(({ echoes, flows }) => [echoes, flows]);
  return tables.flatMap(({ table, sets }) =>
    sets
      .filter(({ set }) => names.includes(set.name))
      .map(({ set }) => ({
        message: encodeSetFlush(set),
        action: `emptying the set nf_tables ${table.family} ${table.name} ${set.name}`,
      })),
  );
}
