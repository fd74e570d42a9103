import { fallbackPaths, withFallback } from "../../../../model/firewall/fallback.ts";
import { openNetfilterSocket, readNftGeneration } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { fallbackInForce, loadedPolicy } from "../observe/observe-tables.ts";
import { changesToFallBack } from "../render/fallback-sets.ts";
import { cutForbidden, trackedFlows } from "./cut-forbidden.ts";
import type { NftOwner } from "./nft-owner.ts";
import type { PolicyRecord } from "./policy-record.ts";

/**
 * Puts the fallback of exactly these paths in force. If another program changed the ruleset meanwhile (by its generation),
 * nothing is changed.
 */
export async function fallBack(owner: NftOwner, record: PolicyRecord, wanted: readonly number[]): Promise<void> {
  using socket = openNetfilterSocket();
  const { id: generation } = readNftGeneration(socket);
  const { policy, identity, families } = loadedPolicy(socket, record);
  // While a policy changes (S10) nothing falls back: the numbers of two layers need not mean the same.
  const paths = policy?.layers.length === 1 ? fallbackPaths(policy) : [];
  const numbers = wanted.filter((number) => paths.includes(number));
  if (policy === null || (numbers.length === 0 && fallbackInForce(socket, families, paths).length === 0)) return;
  await owner.sendTransaction(changesToFallBack(families, paths, numbers), generation);
  const known = record.loaded();
  const isNext = readNftGeneration(socket).id === generation + 1;
  if (isNext && known?.identity === identity && known.generation === generation)
    record.markLoaded({ ...known, generation: generation + 1 });
  cutForbidden(socket, withFallback(policy, numbers), await trackedFlows(socket));
}
