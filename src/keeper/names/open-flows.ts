import { readFlowsAsync } from "../../native/linux/conntrack/conntrack.ffi.ts";
import { openNetfilterSocket } from "../../native/linux/nftables/nft-netlink.ffi.ts";
import type { NftOwner } from "../nft-owner.ts";

/**
 * Renews addresses that expire soon and to which a flow is open, so that a connection that outlives its name's TTL keeps
 * its path. Conntrack forgets a flow without packets by itself.
 */
export async function keepOpenFlows(
  nft: NftOwner,
  { withinMs, graceSeconds }: { readonly withinMs: number; readonly graceSeconds: number },
): Promise<void> {
  const expiring = nft.namesExpiringWithin(withinMs);
  if (expiring.length === 0) return;
  using socket = openNetfilterSocket();
  const addresses = new Set(expiring.map(({ address }) => address));
  const flows = await readFlowsAsync(socket, ({ original }) => addresses.has(original.destination));
  const open = new Set(flows.map(({ original }) => original.destination));
  const seconds = Math.max(graceSeconds, (2 * withinMs) / 1000);
  for (const { set, address } of expiring) if (open.has(address)) nft.fillNames(set, [{ address, seconds }]);
}
