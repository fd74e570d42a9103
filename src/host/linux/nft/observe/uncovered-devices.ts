import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { spreadOf } from "./own-tables.ts";

/** The physical devices without a chain of the netdev table that judges their frames: one sentence for each. Pure. */
export function uncoveredDevices(
  chains: readonly NftChain[],
  policy: FirewallPolicy,
  physical: readonly string[],
): string[] {
  const tunnels = new Set(policy.layers.flatMap((layer) => layer.tunnels).map((tunnel) => tunnel.device));
  const covered = new Set(spreadOf(chains).flatMap(({ devices }) => devices));
  return physical
    .filter((device) => !tunnels.has(device) && !covered.has(device))
    .map((device) => `frames that leave by the device ${device} are not judged yet`);
}
