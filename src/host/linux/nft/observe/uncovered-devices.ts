import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { FRAMES, NEIGHBOURS } from "../render/chain-names.ts";
import { spreadOf } from "./own-tables.ts";

/** The chains that cover devices, with the effect of a missing device; the first missing chain is reported. */
const CHAINS: readonly { readonly chain: string; readonly lack: (device: string) => string }[] = [
  { chain: FRAMES, lack: (device) => `frames that leave by the device ${device} are not judged yet` },
  { chain: NEIGHBOURS, lack: (device) => `ARP requests by the device ${device} are not marked (S6.6)` },
];

/**
 * The physical devices without a chain of the netdev table: one sentence for each. If all chains of a kind are missing, the
 * comparison with the rendered table reports it. Pure.
 */
export function uncoveredDevices(
  chains: readonly NftChain[],
  policy: FirewallPolicy,
  physical: readonly string[],
): string[] {
  const tunnels = new Set(policy.layers.flatMap((layer) => layer.tunnels).map((tunnel) => tunnel.device));
  const kinds = CHAINS.map(({ chain, lack }) => ({ chain, lack, parts: spreadOf(chains, chain) }))
    .filter(({ chain, parts }) => chain === FRAMES || parts.length > 0)
    .map(({ lack, parts }) => ({ lack, covered: new Set(parts.flatMap(({ devices }) => devices)) }));
  return physical
    .filter((device) => !tunnels.has(device))
    .flatMap((device) => kinds.find(({ covered }) => !covered.has(device))?.lack(device) ?? []);
}
