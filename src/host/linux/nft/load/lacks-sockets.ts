import { AwgError } from "../../../../model/error.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";

/** The attribute NFTA_EXPR_NAME with "socket" (linux/netfilter/nf_tables.h): length 11, type 1. */
const SOCKET_NAME = Buffer.from([11, 0, 1, 0, ...Buffer.from("socket\0")]);

/**
 * Whether the kernel refused these changes because it lacks the `socket` expression (CONFIG_NFT_SOCKET): ENOENT
 * (nf_tables_api.c, nft_expr_type_get) at a rule with that expression. A missing device also gives ENOENT, at a chain that
 * hooks it (nft_netdev_hook_alloc). The first refused change decides.
 */
export function lacksSockets(error: unknown, changes: readonly NftChange[]): boolean {
  return hasErrno(error, "ENOENT") && (refusedChange(error, changes)?.includes(SOCKET_NAME) ?? false);
}

/** Whether the kernel refused one of these changes because a device is missing. */
export function lacksDevice(error: unknown, changes: readonly NftChange[]): boolean {
  return hasErrno(error, "ENOENT") && refusedChange(error, changes)?.includes(SOCKET_NAME) === false;
}

function refusedChange(error: unknown, changes: readonly NftChange[]): Buffer | undefined {
  const index = error instanceof AwgError ? error.facts["index"] : undefined;
  const change = typeof index === "number" ? changes[index] : undefined;
  return change === undefined ? undefined : Buffer.from(change.message);
}
