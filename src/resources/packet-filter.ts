import type { Capabilities } from "../host/ports/facts.ts";

/** Whether the host has a packet filter that the policy can be rendered for: nftables, or PF on macOS. */
export function hasPacketFilter({ nftables, pf }: Capabilities): boolean {
  return nftables || pf === true;
}
