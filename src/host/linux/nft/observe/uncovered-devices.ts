import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { FRAMES, NEIGHBOURS } from "../render/chain-names.ts";
import { spreadOf } from "./own-tables.ts";

/** What it means that a device stands on no chain of a kind, in the order in which it is told. */
const CHAINS: readonly { readonly chain: string; readonly lack: (device: string) => string }[] = [
  { chain: FRAMES, lack: (device) => `frames that leave by the device ${device} are not judged yet` },
  { chain: NEIGHBOURS, lack: (device) => `who asks by the device ${device} for an address is not marked (S6.6)` },
];

/**
 * The physical devices that lack a chain of the table netdev: one sentence for each device. Where all chains of a kind are gone
 * the comparison with what was loaded tells it. Pure.
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
