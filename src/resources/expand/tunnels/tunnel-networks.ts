import { addressOfServer, allServers } from "../../../model/dns/name-server.ts";
import type { FlowRule } from "../../../model/firewall/policy.ts";
import { addressBits } from "../../../model/ip.ts";
import {
  canonicalPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixOverlaps,
  renderPrefix,
} from "../../../model/prefix.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import type { ExpandContext } from "../expansion.ts";
import { defaultPath } from "../flow-rules.ts";
import { PROTOCOL_NUMBERS } from "../programs/match-alternatives.ts";

/** Private ranges, parts of which may belong to a tunnel (RFC 1918, RFC 4193); link-local ranges never do. */
const PRIVATE_RANGES: readonly Prefix[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].flatMap(
  (text) => parsePrefix(text) ?? [],
);

/**
 * The rule after all others that keeps a tunnel's networks apart from the local one (rule S4.11). Without it, and with
 * `allowLan`, a local network with the office's addresses would receive the office's packets in clear. Stated
 * exceptions for such an address precede it. Empty without `allowLan`, without a tunnel as default, or without private
 * networks in tunnels.
 */
export function tunnelNetworkRules(context: ExpandContext): FlowRule[] {
  const { config } = context;
  if (!config.killSwitch.allowLan || config.default.via.kind !== "tunnel") return [];
  const networks = tunnelNetworks(context).map(canonicalPrefix);
  if (networks.length === 0) return [];
  const destinations = sortedPrefixes(networks.map(renderPrefix));
  const path = defaultPath(context);
  return [
    ...exceptionsWithin(networks, context),
    { origin: "killSwitch/allowLan (networks of the tunnels)", match: { destinations }, path },
  ];
}

function exceptionsWithin(networks: readonly Prefix[], { config }: ExpandContext): FlowRule[] {
  const touches = (one: Prefix) => networks.some((network) => prefixOverlaps(network, one));
  return config.killSwitch.allow.flatMap(({ direction, protocol, ports, remote = [] }, index) => {
    if (direction !== "out" || !remote.flatMap((text) => parsePrefix(text) ?? []).some(touches)) return [];
    const number = PROTOCOL_NUMBERS[protocol];
    const match = {
      destinations: sortedPrefixes(remote),
      ...(number === undefined ? {} : { protocol: number }),
      ...(ports === undefined ? {} : { ports }),
    };
    return [{ origin: `killSwitch/allow/${index}`, match, path: { kind: "direct" as const } }];
  });
}

/** Networks of the tunnels' addresses, of their peers' allowedIPs, and DNS servers reached through a tunnel. */
function tunnelNetworks({ config, tunnels }: ExpandContext): Prefix[] {
  const networks = tunnels.flatMap(({ tunnel }) => tunnel.addresses).flatMap((text) => parsePrefix(text) ?? []);
  const others = [
    ...tunnels.flatMap(({ tunnel }) => tunnel.peers.flatMap(({ allowedIPs }) => allowedIPs)),
    ...(config.dns?.via.kind === "tunnel" ? allServers(config.dns).map(addressOfServer) : []),
  ];
  return [
    ...networks.filter(({ family, length }) => length < addressBits(family)),
    ...others.flatMap((text) => parsePrefix(text) ?? []),
  ].filter((prefix) => PRIVATE_RANGES.some((range) => prefixContains(range, prefix)));
}
