import type { FlowRule } from "../../model/firewall/policy.ts";
import { addressBits } from "../../model/ip.ts";
import { canonicalPrefix, type Prefix, parsePrefix, prefixContains, renderPrefix } from "../../model/prefix.ts";
import { sortedPrefixes } from "../prefix-list.ts";
import type { ExpandContext } from "./expansion.ts";
import { defaultPath } from "./flow-rules.ts";

/** Private ranges of which a part may be a tunnel's (RFC 1918, RFC 4193); what belongs to a link is never one's. */
const PRIVATE_RANGES: readonly Prefix[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].flatMap(
  (text) => parsePrefix(text) ?? [],
);

/**
 * The rule behind all others that keeps the tunnels' own networks from being taken for the local one (docs/security.md
 * S4.6): with `allowLan` a network that claims the office's addresses would otherwise be sent the office's packets, in
 * clear. Empty where the LAN is not allowed, the default is no tunnel, or nothing of a tunnel is private.
 */
export function tunnelNetworkRules(context: ExpandContext): FlowRule[] {
  const { config } = context;
  if (!config.killSwitch.allowLan || config.default.via.kind !== "tunnel") return [];
  const destinations = sortedPrefixes(tunnelNetworks(context).map((prefix) => renderPrefix(canonicalPrefix(prefix))));
  if (destinations.length === 0) return [];
  const path = defaultPath({ ...context, notes: [] });
  return [{ origin: "killSwitch/allowLan (networks of the tunnels)", match: { destinations }, path }];
}

/** Networks of the tunnels' addresses, what their peers accept, and DNS servers that are asked through one. */
function tunnelNetworks({ config, tunnels }: ExpandContext): Prefix[] {
  const { servers = [], split = {}, via } = config.dns ?? {};
  const networks = tunnels.flatMap(({ tunnel }) => tunnel.addresses).flatMap((text) => parsePrefix(text) ?? []);
  const others = [
    ...tunnels.flatMap(({ tunnel }) => tunnel.peers.flatMap(({ allowedIPs }) => allowedIPs)),
    ...(via?.kind === "tunnel" ? [...servers, ...Object.values(split).flat()] : []),
  ];
  return [
    ...networks.filter(({ family, length }) => length < addressBits(family)),
    ...others.flatMap((text) => parsePrefix(text) ?? []),
  ].filter((prefix) => PRIVATE_RANGES.some((range) => prefixContains(range, prefix)));
}
